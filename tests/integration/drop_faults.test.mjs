// Profile `drop` when NATS is killed, restarted, frozen or away from the start, or the backend is:
// no client is dropped, readiness tells the truth, and everybody gets a fresh snapshot.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import {
  eventsOf,
  namesOf,
  openEvents,
  registration,
  untilEvents,
  withDrop,
} from "./lib/drop.mjs";
import { assertLinksAreUp, assertTroubleIsTold, hasWarned } from "./lib/links.mjs";
import { NatsPublisher, NatsServer } from "./lib/nats.mjs";
import { natsAccounts } from "./lib/nats_creds.mjs";
import { range } from "./lib/patience.mjs";
import { isReady, temporaryDirectory, untilReady, untilRed, withServer } from "./lib/server.mjs";
import { cutsOffSoon, flood, floodSize, untilCutOff } from "./lib/slow_consumer.mjs";

async function openMany(server, restate, count) {
  restate.drop("d", registration);
  const clients = [];
  for (const i of range(count)) {
    restate.user("d", `u${i}`, { status: "registered", tickets: i });
    clients.push(await openEvents(server, `d/u${i}`));
  }
  await Promise.all(clients.map((client) => untilEvents(client, "user")));
  return clients;
}

// What every fault must end with: all are there, have a new snapshot, and get what comes.
async function assertBack(clients, nats, snapshots) {
  await Promise.all(
    clients.map(async (client, i) => {
      await untilEvents(client, "connected", snapshots);
      const users = await untilEvents(client, "user", snapshots);
      assert.equal(users.at(-1).tickets, i);
    }),
  );
  const publisher = await NatsPublisher.connect(nats);
  publisher.publish("drop.d.state", { type: "drop", back: true });
  for (const i of range(clients.length)) publisher.publish(`drop.d.user.u${i}`, { back: i });
  await publisher.flush();
  for (const [i, client] of clients.entries()) {
    await untilEvents(client, "drop");
    await client.until((c) => eventsOf(c, "user").some((event) => event.back === i), "the user's");
    assert.ok(!client.ended && !client.cut);
    client.close();
  }
  publisher.close();
}

test("NATS is killed and comes back: nobody is dropped, all get a new snapshot", async () => {
  await withDrop({}, async ({ server, nats, restate }) => {
    const clients = await openMany(server, restate, 20);
    await nats.kill();
    await untilRed(server);
    await assertTroubleIsTold(server, "nats");
    const local = await fetch(`${server.url}/_livehub/ready?local=1`);
    assert.equal(local.status, 200); // this process can serve
    await nats.up();
    await untilReady(server);
    await assertLinksAreUp(server);
    await assertBack(clients, nats, 2);
  });
});

test("NATS freezes: noticed by its silence; and it is back when it thaws", async () => {
  await withDrop({}, async ({ server, nats, restate }) => {
    const clients = await openMany(server, restate, 5);
    nats.freeze();
    await untilRed(server);
    await assertTroubleIsTold(server, "nats");
    const late = await openEvents(server, "d/late");
    await untilEvents(late, "connected");
    nats.thaw();
    await untilReady(server);
    await untilEvents(late, "connected", 2);
    late.close();
    await assertBack(clients, nats, 2);
  });
});

test("NATS is away at connect: the snapshot comes, and a fresh one with NATS", async () => {
  await withDrop({ natsIsUp: false }, async ({ server, nats, restate }) => {
    restate.drop("d", registration);
    restate.user("d", "u0", { status: "registered", tickets: 0 });
    const client = await openEvents(server, "d/u0");
    await untilEvents(client, "user");
    assert.deepEqual(namesOf(client), ["connected", "user"]);
    assert.equal(await isReady(server), false);
    restate.drop("d", { ...registration, inventory: 1 });
    await nats.up();
    const [, fresh] = await untilEvents(client, "connected", 2);
    assert.equal(fresh.inventory, 1);
    await untilReady(server);
    await assertBack([client], nats, 2);
  });
});

test("the backend is away while NATS returns: the snapshot is sent when it is back", async () => {
  const env = { HEARTBEAT_SECONDS: "1" };
  await withDrop({ env }, async ({ server, nats, restate }) => {
    const clients = await openMany(server, restate, 3);
    restate.close();
    await nats.kill();
    await untilRed(server);
    await nats.up();
    await untilReady(server);
    await restate.listen();
    await assertBack(clients, nats, 2);
  });
});

test("restarts in a row: what is published in between arrives in order", async () => {
  await withDrop({}, async ({ server, nats, restate }) => {
    const [client] = await openMany(server, restate, 1);
    for (const round of range(5)) {
      await nats.kill();
      await untilRed(server);
      await nats.up();
      await untilEvents(client, "connected", round + 2);
      const publisher = await NatsPublisher.connect(nats);
      for (const n of range(100)) publisher.publish("drop.d.state", { round, n });
      await publisher.flush();
      await client.until((c) => eventsOf(c, "drop").length === (round + 1) * 100, "all of them");
      publisher.close();
    }
    const expected = range(5).flatMap((round) => range(100).map((n) => ({ round, n })));
    assert.deepEqual(eventsOf(client, "drop"), expected);
    client.close();
  });
});

test("a slow reader gets the newest, and holds nobody up", async () => {
  const env = { RING_BYTES: "64k", ARENA_BYTES: "64k" };
  await withDrop({ env }, async ({ server, restate, publisher }) => {
    const [slow, quick] = await openMany(server, restate, 2);
    slow.pause();
    const text = "x".repeat(8000);
    for (const n of range(2000)) {
      publisher.publish("drop.d.state", { n, text });
      if (n % 20 === 19) {
        await publisher.flush();
        await quick.until((c) => c.blocks.at(-1)?.data?.startsWith(`{"n":${n},`), `message ${n}`);
        quick.blocks.length = 0;
      }
    }
    slow.resume();
    await slow.until((c) => eventsOf(c, "drop").some((event) => event.n === 1999), "the newest");
    assert.ok(eventsOf(slow, "drop").length < 2000);
    assert.ok(!slow.ended && !slow.cut);
    for (const client of [slow, quick]) client.close();
  });
});

test("NATS cuts us off as a slow consumer: a fresh snapshot, and all goes on", async (t) => {
  await withDrop({ natsArgs: cutsOffSoon(t) }, async ({ server, nats, restate, publisher }) => {
    const clients = await openMany(server, restate, 3);
    restate.drop("d", { ...registration, inventory: 1 });
    await untilCutOff(nats, server, () => flood(publisher, "drop.d.state"));
    for (const client of clients) await untilEvents(client, "user", 2);
    await untilReady(server);
    await server.until((s) => hasWarned(s, "nats"), "a warning");
    await publisher.send("drop.d.state", { n: floodSize });
    for (const client of clients) {
      await client.until((c) => eventsOf(c, "drop").at(-1)?.n === floodSize, "the newest");
      const numbers = eventsOf(client, "drop").map(({ n }) => n);
      assert.ok(numbers.length < floodSize, "what was left of the flood is lost");
      assert.ok(numbers.every((n, i) => i === 0 || n > numbers[i - 1]), "in order, none twice");
      // In its place, behind all that came: the snapshot, both parts of it.
      assert.deepEqual(namesOf(client).slice(-3, -1).sort(), ["connected", "user"]);
      assert.equal(eventsOf(client, "connected").at(-1).inventory, 1);
      assert.ok(!client.ended && !client.cut);
      client.close();
    }
  });
});

// A certificate for localhost, signed by a CA of the test's own.
function certificates(directory) {
  const file = (name) => path.join(directory, name);
  const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore", cwd: directory });
  const key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-subj", "/CN=test ca", "-keyout", "ca.key", "-out", "ca.pem");
  openssl("req", "-x509", ...key, "-subj", "/CN=localhost", "-addext",
    "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
    "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem");
  return file;
}

test("tls:// with a password: trusted by its CA only, and no secret reaches the log", async (t) => {
  const file = certificates(temporaryDirectory(t));
  assert.match(readFileSync(file("server.pem"), "utf8"), /BEGIN CERTIFICATE/);
  const nats = await NatsServer.start({
    args: ["--tls", "--tlscert", file("server.pem"), "--tlskey", file("server.key"),
      "--user", "hub", "--pass", "hemmelig"],
  });
  const url = `tls://hub:hemmelig@localhost:${nats.port}`;
  const env = { NATS_URL: url, NATS_CA_FILE: file("ca.pem") };
  await withServer({ profile: "drop", env }, async (server) => {
    await untilReady(server);
    assert.doesNotMatch(server.output, /hemmelig/);
  });
  const other = { NATS_URL: url, NATS_CA_FILE: "/etc/ssl/certs/ca-certificates.crt" };
  await withServer({ profile: "drop", env: other }, async (server) => {
    await server.until((s) => /TLS failed/.test(s.stderr), "the refusal");
    assert.equal(await isReady(server), false);
    assert.doesNotMatch(server.output, /hemmelig/);
  });
  nats.close();
});

test("a credentials file opens a server with accounts; another's does not", async (t) => {
  const directory = temporaryDirectory(t);
  const file = (name, text) => {
    writeFileSync(path.join(directory, name), text);
    return path.join(directory, name);
  };
  const ours = natsAccounts();
  const nats = await NatsServer.start({ args: ["-c", file("server.conf", ours.config)] });
  const start = (credentials, body) => {
    const env = { NATS_URL: nats.url, NATS_CREDS_FILE: file("user.creds", credentials) };
    return withServer({ profile: "drop", env }, body);
  };
  await start(ours.credentials, untilReady);
  await start(natsAccounts().credentials, async (server) => {
    await server.until((s) => /refuses our credentials/.test(s.stderr), "the refusal");
    assert.equal(await isReady(server), false);
  });
  nats.close();
});
