// Two processes on one JetStream stream behave as one hub (profile live-data with NATS_URL).
import assert from "node:assert/strict";
import { test } from "node:test";
import { values, withNatsHubs } from "./lib/cluster.mjs";
import { expectRefusedInDrain, expectTakenBeforeDrain } from "./lib/drain_push.mjs";
import { NatsPublisher, NatsServer } from "./lib/nats.mjs";
import { range } from "./lib/patience.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { refusedStart, startServer, untilReady, untilRed } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

test("each push reaches the clients of both, once, in one order", async () => {
  await withNatsHubs(2, async ({ nats, hubs, publishers }) => {
    const clients = [];
    for (const hub of hubs) {
      const sse = await SseClient.open(hub);
      await sse.untilPosition();
      clients.push(sse, await WsClient.open(hub));
    }
    await Promise.all(
      publishers.map(async (publisher, which) => {
        for (const n of range(200)) await publisher.push({ which, n });
      }),
    );
    for (const client of clients) await client.untilMessages(400);
    // A backend may write into the stream itself; what is no JSON is passed over.
    const backend = await NatsPublisher.connect(nats);
    backend.publish("livehub.live-data.live", "not JSON");
    await backend.send("livehub.live-data.live", '{ "from": "backend" }');
    backend.close();
    for (const client of clients) {
      await client.untilMessages(401);
      assert.deepEqual(client.messages, clients[0].messages);
    }
    assert.equal(clients[0].messages[400], '{"from":"backend"}');
    assert.equal(clients[0].lastId, clients[2].lastId);
    clients.forEach((client) => client.close());
  });
});

test("a client cut from one process goes on at the other, and at a new one", async () => {
  await withNatsHubs(2, async ({ nats, hubs, publishers }) => {
    const client = await SseClient.open(hubs[0]);
    await client.untilPosition();
    for (const n of range(300)) await publishers[0].push({ n });
    await client.untilMessages(300);
    const id = client.blocks.find((block) => block.data === '{"n":49}').id;
    client.close();
    const newcomer = await startServer({ env: { NATS_URL: nats.url } });
    try {
      await untilReady(newcomer);
      for (const hub of [hubs[1], newcomer]) {
        const back = await SseClient.open(hub, { headers: { "Last-Event-ID": id } });
        assert.deepEqual(await back.untilMessages(250), values(250, 50));
        assert.deepEqual(back.gaps, []);
        back.close();
      }
    } finally {
      await newcomer.stop();
    }
  });
});

test("NATS is killed: pushes get 503, clients stay, and nothing is lost", async () => {
  await withNatsHubs(2, async ({ nats, hubs, publishers }) => {
    const clients = await Promise.all(hubs.map((hub) => SseClient.open(hub)));
    for (const client of clients) await client.untilPosition();
    await publishers[0].push({ n: 0 });
    for (const client of clients) await client.untilMessages(1);
    await nats.kill();
    for (const hub of hubs) await untilRed(hub);
    const refused = await fetch(`${hubs[0].url}/api/live/push`, { method: "POST", body: "1" });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "1");
    await nats.up();
    for (const hub of hubs) await untilReady(hub);
    await publishers[1].push({ n: 1 });
    for (const client of clients) {
      assert.deepEqual(await client.untilMessages(2), values(2));
      assert.deepEqual(client.gaps, []);
      assert.ok(!client.ended && !client.cut);
      client.close();
    }
  });
});

// A hub on a NATS behind a proxy, and how many messages its stream has.
async function withProxiedHub(body) {
  const nats = await NatsServer.start();
  const proxy = await Proxy.start(nats);
  const env = { NATS_URL: `nats://127.0.0.1:${proxy.port}`, DRAIN_SECONDS: "8" };
  const hub = await startServer({ env });
  await untilReady(hub);
  await body(hub, proxy, async () => (await nats.monitor("jsz")).messages);
  nats.close();
}

test("a push whose body comes in the drain is 503, and NATS does not have it", async () => {
  await withProxiedHub((hub, _, stored) => expectRefusedInDrain(hub, stored));
});

test("a push that NATS took before the drain is 200", async () => {
  await withProxiedHub(expectTakenBeforeDrain);
});

test("wrong settings stop the start", async () => {
  for (const [env, sentence] of [
    [{ NATS_URL: "127.0.0.1:4222" }, /NATS_URL/],
    [{ NATS_URL: "nats://x", REDIS_URL: "redis://x" }, /both set/],
    [{ NATS_URL: "nats://x", BROKER_PREFIX: "a.b" }, /BROKER_PREFIX/],
    [{ NATS_URL: "nats://x", MODE: "generator" }, /generator/],
  ]) {
    const server = await refusedStart({ env });
    assert.match(server.stderr, sentence);
  }
});
