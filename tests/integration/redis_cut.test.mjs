// The line to Redis ends in the middle of a reply: inside a payload, between the two bytes of a
// line end, inside a length. Seen from outside: no client is dropped, the link is made anew,
// delivery goes on, nothing comes twice or torn, and what is missing is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backend, ChatClient, startChat } from "./lib/chat.mjs";
import { cuttingProxy, throughCut } from "./lib/cut.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { Redis } from "./lib/redis.mjs";
import { isReady, startServer, untilReady } from "./lib/server.mjs";
import { eventsOf, openStream, signal, signalsOf, startSignals } from "./lib/signals.mjs";
import { untilSignals } from "./lib/signals.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const values = (count) => range(count).map((n) => JSON.stringify({ n }));

// Where the line ends, from the payload's first byte on.
const places = (payload) => [
  ["inside the payload", 3],
  ["between the bytes of the line end before it", -1],
  ["inside its length", -3],
  ["between the bytes of the line end behind it", payload.length + 1],
];

test("signals: each entry once, in order, without a gap", async () => {
  const redis = await Redis.start();
  const line = await cuttingProxy(redis);
  const hub = await startSignals({ url: `redis://127.0.0.1:${line.proxy.port}` });
  try {
    await untilReady(hub);
    const client = await openStream(hub);
    const entry = (n) => JSON.stringify(signal(n));
    const add = (n) => redis.command("XADD", "signals:paper", "*", "json", entry(n));
    await add(0);
    await untilSignals(client, 1);
    let count = 1;
    for (const [, offset] of places(entry(1))) {
      const n = count;
      await throughCut(line, entry(n), offset, () => add(n));
      await untilSignals(client, n + 1);
      count++;
    }
    await add(count);
    await untilSignals(client, count + 1);
    assert.deepEqual(
      signalsOf(client).map(({ id }) => id),
      range(count + 1).map((n) => `continuous-${n}`),
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

test("chat: what pub/sub lost is told as a gap, and the next message comes", async () => {
  const redis = await Redis.start();
  const backend = await Backend.start();
  const line = await cuttingProxy(redis);
  const hub = await startChat({ url: `redis://127.0.0.1:${line.proxy.port}` }, backend);
  try {
    await untilReady(hub);
    const clients = await Promise.all(range(3).map((n) => ChatClient.join(hub, "room", `u${n}`)));
    const payload = (n) => JSON.stringify({ type: "n", n });
    const publish = (n) => redis.command("PUBLISH", "chat:room", payload(n));
    let n = 0;
    for (const [, offset] of places(payload(1))) {
      n++;
      await throughCut(line, payload(n), offset, () => publish(n));
      for (const client of clients) await client.untilType("gap", n);
      await eventually(async () => (await publish(100 + n)) === 1, "the subscription");
      for (const client of clients) await client.untilType("n", n);
    }
    for (const client of clients) {
      await client.fence();
      assert.deepEqual(
        client.of("n").map((frame) => frame.n),
        range(n).map((i) => 101 + i),
      );
      assert.equal(client.of("gap").length, n);
      assert.equal(client.closed, null);
      client.close();
    }
    await untilReady(hub);
    await hub.stop();
  } finally {
    hub.kill();
    redis.remove();
    await backend.stop();
  }
});

test("live-data: pushes are answered truly, and all that Redis has arrives, once", async () => {
  const redis = await Redis.start();
  const line = await cuttingProxy(redis);
  const hub = await startServer({ env: { REDIS_URL: `redis://127.0.0.1:${line.proxy.port}` } });
  const other = await startServer({ env: { REDIS_URL: redis.url } });
  try {
    for (const each of [hub, other]) await untilReady(each);
    const sse = await SseClient.open(hub);
    await sse.untilPosition();
    const clients = [sse, await WsClient.open(hub)];
    const publisher = new Publisher(other, { connections: 1 });
    let n = 0;
    for (const [, offset] of places(JSON.stringify({ n: 1 }))) {
      const text = JSON.stringify({ n });
      await throughCut(line, text, offset, () => publisher.push({ n }));
      for (const client of clients) await client.untilMessages(n + 1);
      n++;
    }
    for (const client of clients) {
      assert.deepEqual(client.messages, values(n));
      assert.ok(!client.ended && !client.cut && !client.closed);
    }
    assert.equal(sse.gaps.length, 0);
    publisher.close();

    // The answer to a push is cut: Redis has it, we do not know, and say so. It arrives too.
    const key = "livehub:live-data:live";
    const [[id]] = await redis.command("XREVRANGE", key, "+", "-", "COUNT", "1");
    line.cut.isFirst = true; // an id, as XADD answers; XREAD has it further inside
    line.cut.offset = 6;
    line.cut.at = `$${id.length}\r\n${id.slice(0, 4)}`;
    const push = () => fetch(`${hub.url}/api/live/push`, { method: "POST", body: '{"n":"x"}' });
    const cuts = line.cut.count;
    assert.equal((await push()).status, 503);
    assert.equal(line.cut.count, cuts + 1);
    assert.equal(await redis.command("XLEN", key), n + 1);
    for (const client of clients) await client.untilMessages(n + 1);
    await eventually(async () => (await isReady(hub)) && (await push()).status === 200, "a push");
    for (const client of clients) {
      await client.untilMessages(n + 2);
      assert.deepEqual(client.messages.slice(0, n + 1), [...values(n), '{"n":"x"}']);
      client.close();
    }
    for (const each of [hub, other]) await each.stop();
  } finally {
    [hub, other].forEach((each) => each.kill());
    redis.remove();
  }
});
