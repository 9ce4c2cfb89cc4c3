// Profile pg-updates while its database fails in every way: no client is dropped, readiness tells
// the truth, delivery goes on; and with the outbox nothing is missed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { assertLinksAreUp, assertTroubleIsTold } from "./lib/links.mjs";
import { eventually } from "./lib/patience.mjs";
import { Browser, ready, startHub, user, withHub } from "./lib/pg_updates.mjs";
import { Postgres, freePort } from "./lib/postgres.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { binary } from "./lib/server.mjs";

let postgres;
before(async () => {
  postgres = await Postgres.start();
});
after(() => postgres?.end());

const change = (n) => JSON.stringify({ operation: "UPDATE", data: { n }, timestamp: Date.now() });
const isReady = (hub) => async () => (await ready(hub)).status === 200;
const isRed = (hub) => async () => (await ready(hub)).status === 503;
const numbers = (browser) => browser.updates.map((update) => update.data.data.n);
const notify = (number, n) => postgres.notify(`user_usage_${user(number)}`, change(n));

// Each has its own updates, and is told of one gap.
async function allHearAgain(browsers, n) {
  for (const browser of browsers) {
    await browser.until((b) => b.gaps > 0, "a gap");
    await postgres.notify(`user_usage_${browser.userId}`, change(n));
  }
  for (const browser of browsers) {
    await browser.until((b) => numbers(b).includes(n), `update ${n}`);
    assert.equal(browser.closed, null);
    assert.equal(browser.gaps, 1);
  }
}

async function crowd(hub, count) {
  return Promise.all(Array.from({ length: count }, (_, i) => Browser.open(hub, user(i))));
}

test("its backend terminated: nobody is dropped, each is told, delivery goes on", async () => {
  await withHub(postgres, {}, async (hub) => {
    const browsers = await crowd(hub, 30);
    await postgres.terminateOurs();
    await allHearAgain(browsers, 1);
    await eventually(isReady(hub), "readiness");
    for (const browser of browsers) browser.close();
  });
});

test("the server crashed and back: readiness is red meanwhile, newcomers are let in", async () => {
  await withHub(postgres, {}, async (hub) => {
    const browsers = await crowd(hub, 10);
    await postgres.down("SIGQUIT");
    await eventually(isRed(hub), "red");
    await assertTroubleIsTold(hub, "postgres");
    const { wrong } = await ready(hub);
    assert.match(JSON.stringify(wrong), /postgres/);
    assert.doesNotMatch(JSON.stringify(wrong), /pass.word/);
    const newcomer = await Browser.open(hub, user(50));
    await postgres.up();
    await allHearAgain([...browsers, newcomer], 1);
    await eventually(isReady(hub), "readiness");
    await assertLinksAreUp(hub);
    for (const browser of [...browsers, newcomer]) browser.close();
  });
});

test("the server frozen: found by its silence, and back after it", async () => {
  await withHub(postgres, {}, async (hub) => {
    const browsers = await crowd(hub, 5);
    postgres.freeze();
    try {
      await eventually(isRed(hub), "red");
      await assertTroubleIsTold(hub, "postgres");
    } finally {
      postgres.thaw();
    }
    await allHearAgain(browsers, 1);
    await eventually(isReady(hub), "readiness");
    for (const browser of browsers) browser.close();
  });
});

test("the line cut and mended, many times", async () => {
  const proxy = await Proxy.start(postgres);
  const env = { DATABASE_URL: postgres.url({ port: proxy.port }) };
  await withHub(postgres, { env }, async (hub) => {
    const browser = await Browser.open(hub, user(1));
    for (let round = 1; round <= 5; ++round) {
      proxy.cut();
      await eventually(isRed(hub), "red");
      proxy.mend();
      await browser.until((b) => b.gaps >= round, `gap ${round}`);
      await notify(1, round);
      await browser.until((b) => numbers(b).at(-1) === round, `update ${round}`);
    }
    assert.deepEqual(numbers(browser), [1, 2, 3, 4, 5]);
    browser.close();
  });
  await proxy.close();
});

test("started before its database: not ready, then it is", async () => {
  const port = await freePort();
  const env = { DATABASE_URL: postgres.url({ port }).replace("127.0.0.1", lateHost) };
  await withHub(postgres, { env }, async (hub) => {
    const browser = await Browser.open(hub, user(1));
    await eventually(isRed(hub), "red");
    const late = await listenOn(port);
    await browser.until((b) => b.gaps > 0, "a gap");
    await notify(1, 1);
    await browser.untilUpdates(1);
    await eventually(isReady(hub), "readiness");
    browser.close();
    late.close();
  });
});

// A way to the database that appears later, on a port that was free: of an address that no
// connection of other tests has as its own, so that none of them takes the port meanwhile.
const lateHost = "127.0.0.9";
async function listenOn(port) {
  const { createServer, connect } = await import("node:net");
  const pairs = new Set();
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: postgres.port });
    for (const socket of [client, upstream]) pairs.add(socket.on("error", () => {}));
    client.pipe(upstream).pipe(client);
  });
  await new Promise((resolve) => server.listen(port, lateHost, resolve));
  return {
    close() {
      server.close();
      for (const socket of pairs) socket.destroy();
    },
  };
}

test("a wrong password is a problem that readiness names", async () => {
  const env = { DATABASE_URL: postgres.url().replace("pass%2Fword", "wr0ng") };
  await withHub(postgres, { env }, async (hub) => {
    const { status, wrong } = await ready(hub);
    assert.equal(status, 503);
    assert.match(JSON.stringify(wrong), /postgres/);
    assert.ok(!(JSON.stringify(wrong) + hub.stderr).includes("wr0ng"));
    assert.match(hub.stderr, /password authentication failed/);
  });
});

const tables =
  'DROP TABLE IF EXISTS "Usage", "Subscription", livehub_outbox CASCADE;' +
  'CREATE TABLE "Usage" (id text PRIMARY KEY, "userId" text NOT NULL, note text, n int);' +
  'CREATE TABLE "Subscription" (id text PRIMARY KEY, "userId" text NOT NULL);';
const setup = (...args) =>
  execFileSync(binary, ["pg-setup", ...args], {
    env: { DATABASE_URL: postgres.url() },
    encoding: "utf8",
  });

test("the outbox: rows of any size, nothing missed and no gap, whatever happens", async () => {
  await postgres.sql(tables);
  assert.match(setup(), /CREATE TABLE IF NOT EXISTS livehub_outbox/);
  assert.match(setup("--apply"), /livehub_outbox/);
  const hub = await startHub(postgres, { env: { PG_OUTBOX: "1" } });
  const browser = await Browser.open(hub, user(1));
  const other = await Browser.open(hub, user(2));
  const insert = (n, note = "") =>
    `INSERT INTO "Usage" VALUES ('${n}', '${user(1)}', '${note}', ${n});`;
  await postgres.sql(insert(1, "x".repeat(50_000)));
  const [first] = await browser.untilUpdates(1);
  assert.equal(first.data.table, "usage");
  assert.equal(first.data.operation, "INSERT");
  assert.equal(first.data.data.note.length, 50_000);
  assert.equal(first.data.data.userId, user(1));

  await postgres.terminateOurs();
  await postgres.sql(insert(2) + insert(3));
  await browser.untilUpdates(3);
  await postgres.down("SIGQUIT");
  await eventually(isRed(hub), "red");
  await postgres.up();
  await postgres.sql(`BEGIN; ${insert(4)} ${insert(5)} COMMIT;`);
  await postgres.sql(`UPDATE "Usage" SET n = 6 WHERE n = 5`);
  await postgres.sql(`DELETE FROM "Usage" WHERE n = 6`);
  await browser.untilUpdates(7);
  assert.deepEqual(numbers(browser), [1, 2, 3, 4, 5, 6, 6]);
  assert.equal(browser.updates.at(-1).data.operation, "DELETE");
  assert.deepEqual([browser.gaps, other.gaps, other.updates.length], [0, 0, 0]);
  await eventually(isReady(hub), "readiness");
  for (const each of [browser, other]) each.close();
  await hub.stop();
});

test("the outbox: one LISTEN whatever the number of users", async () => {
  await postgres.sql(tables);
  setup("--apply");
  await withHub(postgres, { env: { PG_OUTBOX: "1" } }, async (hub) => {
    const browsers = await crowd(hub, 20);
    await postgres.notify(`user_usage_${user(1)}`, change(1));
    for (const browser of browsers)
      await postgres.sql(
        `INSERT INTO "Subscription" VALUES ('${browser.userId}', '${browser.userId}')`,
      );
    for (const browser of browsers) {
      const [update] = await browser.untilUpdates(1);
      assert.deepEqual(update.data.data, { id: browser.userId, userId: browser.userId });
      browser.close();
    }
  });
});
