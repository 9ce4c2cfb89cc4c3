// Profile live-data on JetStream when the stream forgets, stands still, is another one, or is away:
// what is missing is told, nothing comes twice, nobody is dropped.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { values, withNatsHubs } from "./lib/cluster.mjs";
import { hasWarned } from "./lib/links.mjs";
import { metricsText } from "./lib/metrics.mjs";
import { NatsPublisher } from "./lib/nats.mjs";
import { eventually, range, sleep } from "./lib/patience.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { startServer, untilReady, untilRed } from "./lib/server.mjs";
import { cutsOffSoon, flood, untilCutOff } from "./lib/slow_consumer.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

async function open(hub, options) {
  const client = await SseClient.open(hub, options);
  await client.untilPosition();
  return client;
}
const resume = (id) => ({ headers: { "Last-Event-ID": id } });
const assertOpen = (...clients) => {
  for (const client of clients) assert.ok(!client.ended && !client.cut && !client.closed);
};
const push = (hub, body = "1") => fetch(`${hub.url}/api/live/push`, { method: "POST", body });

test("what the stream has trimmed is told as a gap, with what is left behind it", async () => {
  const env = { BROKER_MAXLEN: "10" };
  await withNatsHubs(
    2,
    async ({ nats, hubs, publishers }) => {
      const first = await open(hubs[0]);
      await publishers[0].push({ n: 0 });
      await first.untilMessages(1);
      const early = first.lastId;
      for (const n of range(29, 1)) await publishers[n % 2].push({ n });
      assert.deepEqual(await first.untilMessages(30), values(30));
      assert.deepEqual(first.gaps, []); // it has read all of it
      const kept = first.blocks.find((block) => block.data === '{"n":24}').id;
      const third = await startServer({ env: { NATS_URL: nats.url, ...env } });
      await untilReady(third);
      for (const [id, from, gaps] of [
        [early, 20, 1],
        [kept, 25, 0],
      ]) {
        const back = await open(third, resume(id));
        assert.deepEqual(await back.untilMessages(30 - from), values(30 - from, from));
        assert.equal(back.gaps.length, gaps);
        back.close();
      }
      first.close();
      await third.stop();
    },
    env,
  );
});

// One machine's link stands still; `body` gets how to come back there with a position that only the
// other machine has read.
async function withLaggingHub(body) {
  await withNatsHubs(1, async ({ nats, hubs, publishers: [publisher] }) => {
    const proxy = await Proxy.start(nats);
    const lagging = await startServer({ env: { NATS_URL: `nats://127.0.0.1:${proxy.port}` } });
    await untilReady(lagging);
    const ahead = await open(hubs[0]);
    const behind = await open(lagging);
    await publisher.push({ n: 0 });
    await behind.untilMessages(1);
    proxy.freeze();
    for (const n of range(9, 1)) await publisher.push({ n });
    await ahead.untilMessages(10);
    assert.equal(behind.messages.length, 1);
    const back = () => SseClient.open(lagging, resume(ahead.lastId));
    await body({ lagging, proxy, publisher, back, behind });
    for (const client of [ahead, behind]) client.close();
    await lagging.stop();
  });
}

test("who comes from a machine that is ahead gets nothing twice from one that lags", async () => {
  await withLaggingHub(async ({ lagging, proxy, publisher, back, behind }) => {
    const opening = back();
    await eventually(
      async () =>
        /livehub_resumes_held_total\{[^}]*\} 1\b/.test(
          await metricsText(lagging),
        ),
      "the resume to wait",
    );
    proxy.thaw();
    const client = await opening;
    await publisher.push({ n: 10 });
    await client.untilMessages(1);
    assert.deepEqual(await behind.untilMessages(11), values(11));
    assert.deepEqual(client.messages, values(1, 10));
    assert.equal(client.gaps.length, 0);
    client.close();
  });
});

test("a machine that lags for too long tells a gap instead", async () => {
  await withLaggingHub(async ({ proxy, publisher, back }) => {
    const client = await back();
    await client.until((c) => c.gaps.length === 1, "the gap");
    proxy.thaw();
    await publisher.push("end");
    await client.untilMessage('"end"');
    client.close();
  });
});

test("with NATS frozen a push is 503 in time, readiness is red, and nothing is lost", async () => {
  await withNatsHubs(2, async ({ nats, hubs, publishers }) => {
    const clients = [await open(hubs[0]), await WsClient.open(hubs[1])];
    await publishers[0].push({ n: 0 });
    for (const client of clients) await client.untilMessages(1);
    nats.freeze();
    assert.equal((await push(hubs[0])).status, 503);
    for (const hub of hubs) await untilRed(hub);
    nats.thaw();
    for (const hub of hubs) await untilReady(hub);
    await publishers[1].push({ n: 1 });
    for (const client of clients) {
      await client.untilMessage('{"n":1}');
      assert.deepEqual(
        client.messages.filter((text) => text.includes('"n"')),
        values(2),
      );
      assertOpen(client);
      client.close();
    }
  });
});

test("a NATS that comes back empty: a gap, and 1013 for a plain WebSocket", async () => {
  await withNatsHubs(1, async ({ nats, hubs: [hub], publishers: [publisher] }) => {
    const sse = await open(hub);
    const ws = await WsClient.open(hub);
    await publisher.push({ n: 0 });
    await sse.untilMessages(1);
    const before = sse.lastId;
    await nats.kill();
    await untilRed(hub);
    await sleep(1100); // positions have a stream's birth in whole seconds
    rmSync(path.join(nats.directory, "jetstream"), { recursive: true });
    await nats.up();
    await sse.until((c) => c.gaps.length === 1, "the gap");
    assert.equal(sse.gaps[0].data, '{"reason":"source"}');
    assert.deepEqual(await ws.untilClosed(), { code: 1013, reason: "messages may be missing" });
    await untilReady(hub);
    await publisher.push({ n: 1 });
    assert.deepEqual(await sse.untilMessages(2), values(2));
    assertOpen(sse);
    sse.close();
    // A position of the former stream says nothing about this one.
    const back = await open(hub, resume(before));
    await back.until((c) => c.gaps.length === 1, "the gap");
    await publisher.push({ n: 2 });
    await back.untilMessage('{"n":2}');
    back.close();
  });
});

test("a client that came while NATS was away is told of the gap and gets what comes", async () => {
  await withNatsHubs(1, async ({ nats, hubs: [hub], publishers: [publisher] }) => {
    await nats.kill();
    await untilRed(hub);
    const late = await open(hub);
    await nats.up();
    await untilReady(hub);
    await late.until((c) => c.gaps.length === 1, "the gap");
    await publisher.push({ n: 1 });
    await late.untilMessages(1);
    assertOpen(late);
    late.close();
  });
});

// Of a stream nats-server sends no more than the reader acknowledges, so it is the core subject on
// the same connection, the canary's, whose reader is slow.
async function canaryOf(nats) {
  return eventually(async () => {
    const { connections } = await nats.monitor("connz?subs=1");
    return connections
      .flatMap((connection) => connection.subscriptions_list ?? [])
      .find((subject) => subject.startsWith("livehub.canary."));
  }, "the canary's subject");
}

test("NATS cuts us off as a slow consumer: all of the stream, once, in order", async (t) => {
  await withNatsHubs(
    1,
    async ({ nats, hubs: [hub] }) => {
      const client = await open(hub);
      const publisher = await NatsPublisher.connect(nats);
      const add = (n) => publisher.send("livehub.live-data.live", { n });
      for (const n of range(10)) await add(n);
      await client.untilMessages(10);
      await untilCutOff(nats, hub, async () => {
        for (const n of range(10, 10)) await add(n);
        await flood(publisher, await canaryOf(nats));
        for (const n of range(10, 20)) await add(n);
      });
      assert.deepEqual(await client.untilMessages(30), values(30));
      assert.deepEqual(client.gaps, []);
      await hub.until((s) => hasWarned(s, "nats stream"), "a warning");
      await untilReady(hub);
      assertOpen(client);
      client.close();
      publisher.close();
    },
    {},
    cutsOffSoon(t),
  );
});
