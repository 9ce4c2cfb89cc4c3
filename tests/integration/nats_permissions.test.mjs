// A NATS server that does not permit everything, or has lost its JetStream: readiness and the log
// name what it refuses, the clients stay, and all the rest goes on.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { eventsOf, openEvents, registration, untilEvents } from "./lib/drop.mjs";
import { metricsText } from "./lib/metrics.mjs";
import { NatsPublisher, NatsServer } from "./lib/nats.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Restate } from "./lib/restate.mjs";
import { isReady, startServer, temporaryDirectory } from "./lib/server.mjs";
import { untilReady, untilRed } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

// A server with two users: `hub` with these rights, and one who may do everything.
async function startNats(t, rights) {
  const file = path.join(temporaryDirectory(t), "nats.conf");
  const write = (permissions) => {
    const hub = `{ user: hub, password: pw, permissions: ${permissions} }`;
    const users = `[ ${hub}, { user: all, password: pw } ]`;
    writeFileSync(file, `authorization: { users: ${users} }\n`);
  };
  write(rights);
  const nats = await NatsServer.start({ args: ["-c", file, "-js"] });
  return {
    nats,
    // For the next start, and at once where it runs.
    permit(permissions) {
      write(permissions);
      if (nats.child.exitCode === null && nats.child.signalCode === null) nats.child.kill("SIGHUP");
    },
    url: `nats://hub:pw@127.0.0.1:${nats.port}`,
  };
}

const wrong = async (hub) => (await (await fetch(`${hub.adminUrl}/ready`)).json()).wrong;
const saysOnlyThat = (hub, sentence) =>
  eventually(async () => {
    const sentences = (await wrong(hub)) ?? [];
    assert.ok(sentences.every((each) => each.startsWith("nats permissions: ")), `${sentences}`);
    return sentences.some((each) => each.includes(sentence));
  }, `readiness to say ${sentence}`);
const assertOpen = (...clients) => {
  for (const client of clients) assert.ok(!client.ended && !client.cut && !client.closed);
};

const denied = 'the server does not permit us to subscribe to "drop.secret.state"';

test("drop: a refused subject is named, its clients stay, the other subjects go on", async (t) => {
  const deny = '{ subscribe: { deny: "drop.secret.state" } }';
  const { nats, url, permit } = await startNats(t, deny);
  const restate = await Restate.start();
  const env = { NATS_URL: url, RESTATE_INGRESS_URL: restate.url };
  const hub = await startServer({ profile: "drop", env });
  try {
    await untilReady(hub);
    for (const id of ["open", "secret"]) {
      restate.drop(id, registration);
      restate.user(id, "ann", { status: "registered", tickets: 1 });
    }
    const open = await openEvents(hub, "open/ann");
    const refused = await Promise.all(range(5).map(() => openEvents(hub, "secret/ann")));
    for (const client of [open, ...refused]) await untilEvents(client, "user");
    await saysOnlyThat(hub, denied);
    assert.equal((await fetch(`${hub.adminUrl}/ready?local=1`)).status, 200);
    const metrics = await metricsText(hub);
    assert.match(metrics, /^livehub_link_up\{link="nats permissions"\} 0$/m);
    assert.match(metrics, /^livehub_link_up\{link="nats"\} 1$/m);

    const publisher = await NatsPublisher.connect(nats, { user: "all", pass: "pw" });
    publisher.publish("drop.secret.state", { n: 0 });
    publisher.publish("drop.secret.user.ann", { n: 1 }); // the same client's other subject
    publisher.publish("drop.open.state", { n: 2 });
    await publisher.flush();
    await untilEvents(open, "drop");
    for (const client of refused) {
      await client.until((c) => eventsOf(c, "user").some((event) => event.n === 1), "the user's");
      assert.equal(eventsOf(client, "drop").length, 0);
    }
    assertOpen(open, ...refused);
    assert.equal(hub.stderr.split("drop.secret.state").length - 1, 1, hub.stderr);

    // Permitted again: found without a new connection, and a fresh snapshot tells what was missed.
    restate.drop("secret", { ...registration, inventory: 1 });
    permit('{ subscribe: { deny: "drop.other.state" } }');
    await untilReady(hub);
    for (const client of refused) {
      await client.until((c) => eventsOf(c, "connected").at(-1).inventory === 1, "a snapshot");
    }
    await publisher.send("drop.secret.state", { n: 3 });
    for (const client of refused) {
      assert.deepEqual(await untilEvents(client, "drop"), [{ n: 3 }]);
      client.close();
    }
    open.close();
    publisher.close();
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
    restate.close();
  }
});

test("drop: nobody wants the refused subject any more: readiness is green again", async (t) => {
  const { nats, url } = await startNats(t, '{ subscribe: { deny: "drop.secret.state" } }');
  const restate = await Restate.start();
  const env = { NATS_URL: url, RESTATE_INGRESS_URL: restate.url };
  const hub = await startServer({ profile: "drop", env });
  try {
    await untilReady(hub);
    const client = await openEvents(hub, "secret/ann");
    await saysOnlyThat(hub, denied);
    client.close();
    await untilReady(hub);
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
    restate.close();
  }
});

const readOnly = "live-data: a stream that may be read and not written: 503, named, clients stay";
test(readOnly, async (t) => {
  const deny = '{ publish: { deny: "livehub.live-data.live" } }';
  const { nats, url, permit } = await startNats(t, deny);
  const hub = await startServer({ env: { NATS_URL: url } });
  try {
    await untilReady(hub);
    const clients = [await SseClient.open(hub), await WsClient.open(hub)];
    await clients[0].untilPosition();
    const push = (body) => fetch(`${hub.url}/api/live/push`, { method: "POST", body });
    const refused = await push("1");
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "1");
    await saysOnlyThat(hub, 'does not permit us to publish to "livehub.live-data.live"');
    assert.match(hub.stderr, /does not permit us to publish to [^ ]*livehub\.live-data\.live/);
    // Others write, and everybody here reads.
    const backend = await NatsPublisher.connect(nats, { user: "all", pass: "pw" });
    await backend.send("livehub.live-data.live", '{"from":"backend"}');
    for (const client of clients) await client.untilMessage('{"from":"backend"}');
    assertOpen(...clients);
    // A reload would end JetStream here, so it is a new server.
    await nats.kill();
    permit('{ publish: { deny: "other" } }');
    await nats.up();
    await eventually(async () => (await push("2")).status === 200, "a push that is taken");
    await untilReady(hub);
    for (const client of clients) {
      await client.untilMessage("2");
      assert.ok(!client.messages.includes("1"));
      client.close();
    }
    backend.close();
    assert.ok(await isReady(hub));
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
  }
});

const ended = "live-data: JetStream ends and its server lives on: readiness says so, clients stay";
test(ended, async (t) => {
  const { nats, url, permit } = await startNats(t, '{ publish: { deny: "one" } }');
  const hub = await startServer({ env: { NATS_URL: url } });
  try {
    await untilReady(hub);
    const client = await SseClient.open(hub);
    await client.untilPosition();
    const push = (body) => fetch(`${hub.url}/api/live/push`, { method: "POST", body });
    assert.equal((await push("0")).status, 200);
    permit('{ publish: { deny: "another" } }'); // a reload ends what its command line has begun
    await eventually(async () => (await nats.monitor("jsz")).disabled, "JetStream to be off");
    const { connections } = await nats.monitor("connz");
    assert.equal(connections.length, 1, "the link itself is not cut");
    assert.equal((await push("1")).status, 503);
    await untilRed(hub);
    assert.match(String(await wrong(hub)), /^nats stream: the stream cannot be used/);
    assertOpen(client);
    await nats.kill();
    await nats.up();
    await untilReady(hub);
    assert.equal((await push("2")).status, 200);
    assert.deepEqual(await client.untilMessages(2), ["0", "2"]);
    assert.deepEqual(client.gaps, []);
    assertOpen(client);
    client.close();
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
  }
});
