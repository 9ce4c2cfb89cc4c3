// NATS and PostgreSQL: the line ends in the middle of a message, and all three brokers' lines say
// what no broker says. Seen from outside: no client is dropped, the link is made anew, readiness is
// red and green again, nothing comes twice or torn, and what is missing is told. (Redis cut:
// redis_cut.test.mjs.)
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { cuttingProxy, throughCut } from "./lib/cut.mjs";
import { eventsOf, openEvents, registration, untilEvents } from "./lib/drop.mjs";
import { NatsPublisher, NatsServer } from "./lib/nats.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Browser, ready, startHub, user } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { Publisher } from "./lib/push.mjs";
import { Redis } from "./lib/redis.mjs";
import { Restate } from "./lib/restate.mjs";
import { binary, startServer, untilReady, untilRed } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

let postgres;
before(async () => {
  postgres = await Postgres.start();
});
after(() => postgres?.end());

const values = (count) => range(count).map((n) => JSON.stringify({ n }));
const assertOpen = (...clients) => {
  for (const client of clients) assert.ok(!client.ended && !client.cut && !client.closed);
};

test("drop, NATS cut inside a message: a fresh snapshot, and the next event comes", async () => {
  const nats = await NatsServer.start();
  const restate = await Restate.start();
  const line = await cuttingProxy(nats);
  const env = {
    NATS_URL: `nats://127.0.0.1:${line.proxy.port}`,
    RESTATE_INGRESS_URL: restate.url,
  };
  const hub = await startServer({ profile: "drop", env });
  try {
    await untilReady(hub);
    restate.drop("d", registration);
    const clients = await Promise.all(range(3).map((n) => openEvents(hub, `d/u${n}`)));
    for (const client of clients) await untilEvents(client, "connected");
    const publisher = await NatsPublisher.connect(nats);
    const payload = (n) => JSON.stringify({ n });
    // In the payload, in its size, in its subject, in front of the payload's last byte.
    for (const [i, offset] of [3, -3, -9, payload(1).length - 1].entries()) {
      await throughCut(line, payload(i + 1), offset, async () => {
        await publisher.send("drop.d.state", payload(i + 1));
      });
      for (const client of clients) await untilEvents(client, "connected", i + 2);
      await untilReady(hub);
      await publisher.send("drop.d.state", payload(100 + i));
      for (const client of clients) await untilEvents(client, "drop", i + 1);
    }
    for (const client of clients) {
      assert.deepEqual(eventsOf(client, "drop"), range(4).map((i) => ({ n: 100 + i })));
      assertOpen(client);
      client.close();
    }
    publisher.close();
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
    restate.close();
  }
});

test("live-data, JetStream cut inside a message: each once, in order, without a gap", async () => {
  const nats = await NatsServer.start();
  const line = await cuttingProxy(nats);
  const hub = await startServer({ env: { NATS_URL: `nats://127.0.0.1:${line.proxy.port}` } });
  const other = await startServer({ env: { NATS_URL: nats.url } });
  try {
    for (const each of [hub, other]) await untilReady(each);
    const client = await SseClient.open(hub);
    await client.untilPosition();
    const publisher = new Publisher(other, { connections: 1 });
    let n = 0;
    for (const offset of [3, -3, -9, '{"n":1}'.length - 1]) {
      await throughCut(line, JSON.stringify({ n }), offset, () => publisher.push({ n }));
      await client.untilMessages(++n);
    }
    await publisher.push({ n });
    assert.deepEqual(await client.untilMessages(n + 1), values(n + 1));
    assert.deepEqual(client.gaps, []);
    assertOpen(client);
    client.close();
    publisher.close();
    for (const each of [hub, other]) await each.stop();
  } finally {
    [hub, other].forEach((each) => each.kill());
    nats.close();
  }
});

const change = (n) => JSON.stringify({ operation: "UPDATE", data: { n }, timestamp: 1 });
const numbers = (browser) => browser.updates.map((update) => update.data.data.n);

test("pg-updates, PostgreSQL cut inside a notification: a gap, and the next comes", async () => {
  const line = await cuttingProxy(postgres);
  const hub = await startHub(postgres, {
    env: { DATABASE_URL: postgres.url({ port: line.proxy.port }) },
  });
  try {
    const browsers = await Promise.all(range(3).map(() => Browser.open(hub, user(1))));
    const channel = `user_usage_${user(1)}`;
    let n = 0;
    // In the payload, in the channel's name, in the length before it, in the payload's end.
    for (const offset of [3, -5, -(channel.length + 6), change(1).length]) {
      n++;
      await throughCut(line, change(n), offset, () => postgres.notify(channel, change(n)));
      for (const browser of browsers) await browser.until((b) => b.gaps >= n, `gap ${n}`);
      await postgres.notify(channel, change(100 + n));
      for (const browser of browsers) await browser.untilUpdates(n);
    }
    for (const browser of browsers) {
      assert.deepEqual(numbers(browser), [101, 102, 103, 104]);
      assert.equal(browser.gaps, n);
      assert.equal(browser.closed, null);
      browser.close();
    }
    await eventually(async () => (await ready(hub)).status === 200, "readiness");
    await hub.stop();
  } finally {
    hub.kill();
  }
});

test("pg-updates with the outbox, cut inside a row: each once, in order, no gap", async () => {
  await postgres.sql('CREATE TABLE "Usage" (id int PRIMARY KEY, "userId" text, note text);');
  await postgres.sql('CREATE TABLE "Subscription" (id int PRIMARY KEY, "userId" text);');
  execFileSync(binary, ["pg-setup", "--apply"], { env: { DATABASE_URL: postgres.url() } });
  const line = await cuttingProxy(postgres);
  const hub = await startHub(postgres, {
    env: { DATABASE_URL: postgres.url({ port: line.proxy.port }), PG_OUTBOX: "1" },
  });
  try {
    const browser = await Browser.open(hub, user(1));
    for (const n of range(4, 1)) {
      const insert = `INSERT INTO "Usage" VALUES (${n}, '${user(1)}', 'note ${n} of it')`;
      await throughCut(line, `note ${n} of it`, n, () => postgres.sql(insert));
      await browser.untilUpdates(n);
    }
    assert.deepEqual(
      browser.updates.map((update) => update.data.data.id),
      range(4, 1),
    );
    assert.equal(browser.gaps, 0);
    assert.equal(browser.closed, null);
    browser.close();
    await hub.stop();
  } finally {
    hub.kill();
  }
});

// Each: a hub behind a proxy, a client of it, and how something new reaches that client.
const places = {
  async redis() {
    const broker = await Redis.start();
    return pushed(broker, "redis", "REDIS_URL", () => broker.remove());
  },
  async nats() {
    const broker = await NatsServer.start();
    return pushed(broker, "nats", "NATS_URL", () => broker.close());
  },
  async postgres() {
    const proxy = await Proxy.start(postgres);
    const env = { DATABASE_URL: postgres.url({ port: proxy.port }) };
    const hub = await startHub(postgres, { env });
    const client = await Browser.open(hub, user(7));
    const send = (n) => postgres.notify(`user_usage_${user(7)}`, change(n));
    return { proxy, hub, client, send, seen: () => numbers(client), end() {} };
  },
};

async function pushed(broker, scheme, setting, end) {
  const proxy = await Proxy.start(broker);
  const hub = await startServer({ env: { [setting]: `${scheme}://127.0.0.1:${proxy.port}` } });
  await untilReady(hub);
  const client = await SseClient.open(hub);
  await client.untilPosition();
  const publisher = new Publisher(hub, { connections: 1 });
  const send = (n) => publisher.push({ n });
  const seen = () => client.messages.map((text) => JSON.parse(text).n);
  return { proxy, hub, client, send, seen, end: () => (publisher.close(), end()) };
}

for (const [name, start] of Object.entries(places)) {
  test(`${name} says what no broker says: red, then all goes on`, async () => {
    const { proxy, hub, client, send, seen, end } = await start();
    try {
      await untilReady(hub);
      await send(0);
      await client.until(() => seen().length === 1, "the first");
      for (const n of range(3, 1)) {
        proxy.garble();
        await untilRed(hub);
        proxy.mend();
        await untilReady(hub);
        await send(n);
        await client.until(() => seen().length === n + 1, `message ${n}`);
      }
      assert.deepEqual(seen(), range(4));
      assertOpen(client);
      client.close();
      await hub.stop();
    } finally {
      hub.kill();
      end();
    }
  });
}
