// A Redis with too little memory (allkeys-lru) that throws our stream away under our hands, and one
// that refuses to take anything (noeviction). No client is dropped, what comes after arrives once
// and in order, and who resumes from what is gone is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withCluster } from "./lib/cluster.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Redis } from "./lib/redis.mjs";
import { startServer, untilReady } from "./lib/server.mjs";
import { addSignal, eventsOf, openStream, signalsOf, startSignals } from "./lib/signals.mjs";
import { untilSignals } from "./lib/signals.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const small = {
  args: ["--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru", "--maxmemory-samples", "10"],
};

// Other keys come until that one is gone.
async function evict(redis, key) {
  const client = redis.client();
  const filler = "x".repeat(100_000);
  let n = 0;
  await eventually(
    async () => {
      for (const _ of range(10)) await client.command("SET", `filler${n++}`, filler);
      return (await client.command("EXISTS", key)) === 0;
    },
    `${key} to be evicted`,
    { everyMs: 1 },
  );
  assert.ok(/evicted_keys:[1-9]/.test(await client.command("INFO", "stats")));
  client.close();
}

test("live-data: the stream is evicted: pushes go on, a resume from before is a gap", async () => {
  const redis = await Redis.start(small);
  const key = "livehub:live-data:live";
  await withCluster(2, { REDIS_URL: redis.url }, async ({ hubs, publishers }) => {
    const sse = await SseClient.open(hubs[0]);
    await sse.untilPosition();
    const clients = [sse, await SseClient.open(hubs[1]), await WsClient.open(hubs[1])];
    await clients[1].untilPosition();
    for (const n of range(5)) await publishers[n % 2].push({ n });
    for (const client of clients) await client.untilMessages(5);
    const early = sse.blocks.find((block) => block.data === '{"n":1}').id;
    await evict(redis, key);
    for (const n of range(5, 5)) await publishers[n % 2].push({ n });
    for (const client of clients) {
      assert.deepEqual(
        await client.untilMessages(10),
        range(10).map((n) => JSON.stringify({ n })),
      );
      assert.ok(!client.ended && !client.cut && !client.closed);
    }
    assert.deepEqual(sse.gaps, []); // these had read all of it
    for (const hub of hubs) await untilReady(hub);
    // Only Redis could know what a new process has not seen, and it does not.
    const third = await startServer({ env: { REDIS_URL: redis.url } });
    await untilReady(third);
    const back = await SseClient.open(third, { headers: { "Last-Event-ID": early } });
    await back.until((c) => c.gaps.length === 1, "the gap");
    await publishers[0].push({ n: 10 });
    await back.untilMessage('{"n":10}');
    const got = back.messages.map((text) => JSON.parse(text).n);
    assert.deepEqual(got, range(got.length, 11 - got.length)); // what is left, in order, once
    assert.ok(got.length <= 6);
    for (const client of [...clients, back]) client.close();
    await third.stop();
  });
  redis.remove();
});

test("signals: the stream is evicted: subscribers stay, and get what comes", async () => {
  const redis = await Redis.start(small);
  const hub = await startSignals(redis);
  try {
    await untilReady(hub);
    const client = await openStream(hub);
    for (const n of range(3)) await addSignal(redis, n);
    await untilSignals(client, 3);
    await evict(redis, "signals:paper");
    const history = await (await fetch(`${hub.url}/v1/signals`)).json();
    assert.deepEqual(history, []);
    for (const n of range(3, 3)) await addSignal(redis, n);
    await untilSignals(client, 6);
    assert.deepEqual(
      signalsOf(client).map(({ id }) => id),
      range(6).map((n) => `continuous-${n}`),
    );
    assert.equal(eventsOf(client, "gap").length, 0);
    assert.ok(!client.ended && !client.cut);
    await untilReady(hub);
    client.close();
    await hub.stop();
  } finally {
    hub.kill();
    redis.remove();
  }
});

test("live-data: a Redis that is full and evicts nothing: 503, then it goes on", async () => {
  const redis = await Redis.start();
  await withCluster(1, { REDIS_URL: redis.url }, async ({ hubs, publishers: [publisher] }) => {
    const [hub] = hubs;
    const client = await SseClient.open(hub);
    await client.untilPosition();
    await publisher.push({ n: 0 });
    await client.untilMessages(1);
    await redis.command("CONFIG", "SET", "maxmemory", "1"); // less than it has
    const push = (body) => fetch(`${hub.url}/api/live/push`, { method: "POST", body });
    const refused = await push("1");
    assert.equal(refused.status, 503);
    assert.ok(refused.headers.get("retry-after"));
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await eventually(async () => (await push('{"n":1}')).status === 200, "a push that is taken");
    await untilReady(hub);
    assert.deepEqual(await client.untilMessages(2), ['{"n":0}', '{"n":1}']);
    assert.deepEqual(client.gaps, []);
    assert.ok(!client.ended && !client.cut);
    client.close();
  });
  redis.remove();
});
