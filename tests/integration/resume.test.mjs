// Coming back with a position: nothing is lost between, or a gap is told (section 0.8).
import assert from "node:assert/strict";
import { test } from "node:test";
import { range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const values = (count, from = 0) => range(count, from).map((n) => JSON.stringify({ n }));
const pushValues = async (publisher, count, from = 0) => {
  for (const n of range(count, from)) await publisher.push({ n });
};
const withPublisher = (options, body) =>
  withServer(options, async (server) => {
    const publisher = new Publisher(server);
    try {
      await body(server, publisher);
    } finally {
      publisher.close();
    }
  });
const byHeader = (id) => ({ headers: { "Last-Event-ID": id } });
const byQuery = (id) => ({ path: `/api/live?last_event_id=${encodeURIComponent(id)}` });
const wsFrom = (server, id, headers) =>
  WsClient.open(server, { query: `?last_event_id=${encodeURIComponent(id)}`, headers });

// A reader that was cut after `count` messages: its last position.
async function cutAfter(server, publisher, count) {
  const client = await SseClient.open(server);
  await client.untilPosition();
  await pushValues(publisher, count);
  await client.untilMessages(count);
  client.close();
  return client.lastId;
}

for (const [name, how] of [
  ["the header", byHeader],
  ["the query", byQuery],
]) {
  for (const count of [0, 1, 7]) {
    test(`cut after ${count} messages, back by ${name}: nothing lost`, async () => {
      await withPublisher({}, async (server, publisher) => {
        const id = await cutAfter(server, publisher, count);
        await pushValues(publisher, 20, count);
        const back = await SseClient.open(server, how(id));
        assert.match(back.text + (await back.until((c) => c.text, "text")), /^: connected\n\n/);
        await back.untilMessages(20);
        await pushValues(publisher, 20, count + 20);
        assert.deepEqual(await back.untilMessages(40), values(40, count));
        assert.equal(back.gaps.length, 0);
        back.close();
      });
    });
  }
}

test("back with the newest position: nothing old, then what is new", async () => {
  await withPublisher({}, async (server, publisher) => {
    const id = await cutAfter(server, publisher, 5);
    const back = await SseClient.open(server, byHeader(id));
    await back.until((c) => c.blocks.length > 0, "a block");
    await pushValues(publisher, 3, 5);
    assert.deepEqual(await back.untilMessages(3), values(3, 5));
    assert.equal(back.gaps.length, 0);
    back.close();
  });
});

test("the header wins over the query", async () => {
  await withPublisher({}, async (server, publisher) => {
    const old = await cutAfter(server, publisher, 0);
    const client = await SseClient.open(server, byHeader(old));
    await pushValues(publisher, 10);
    await client.untilMessages(4);
    const newer = client.blocks.find((b) => b.data === '{"n":3}').id;
    client.close();
    const back = await SseClient.open(server, { ...byQuery(old), ...byHeader(newer) });
    assert.deepEqual(await back.untilMessages(6), values(6, 4));
    back.close();
  });
});

test("a position told while the past is replayed never runs ahead of it", async () => {
  await withPublisher({}, async (server, publisher) => {
    const start = await cutAfter(server, publisher, 0);
    await pushValues(publisher, 100);
    const client = await SseClient.open(server, byHeader(start));
    await client.untilMessages(100);
    client.close();
    // Wherever in the replay a client is cut, it comes back with the last id it had and gets the
    // rest.
    for (const cut of [1, 2, 3, 10, 60, 100]) {
      const had = client.blocks.slice(0, cut);
      const id = had.findLast((block) => block.id !== undefined)?.id ?? start;
      const messages = had.filter((block) => block.data !== undefined).length;
      const back = await SseClient.open(server, byHeader(id));
      assert.deepEqual(
        await back.untilMessages(100 - messages),
        values(100 - messages, messages),
        `cut behind ${cut} blocks`,
      );
      assert.equal(back.gaps.length, 0);
      back.close();
    }
  });
});

test("many cuts under steady pushes: nothing lost, doubled or out of order", async () => {
  await withPublisher({ env: { HISTORY_COUNT: "5000" } }, async (server, publisher) => {
    const total = 1500;
    // All are there before the first push, since the first connection starts at now.
    const first = await Promise.all(range(6).map(() => SseClient.open(server)));
    await Promise.all(first.map((c) => c.untilPosition()));
    const readers = first.map(async (client, lane) => {
      await client.untilMessages(1);
      client.close();
      const seen = [...client.messages];
      let last = client.lastId;
      for (let cuts = 0; seen.length < total; cuts++) {
        const next = await SseClient.open(server, byHeader(last));
        const wanted = Math.min(1 + ((lane * 7 + cuts * 13) % 60), total - seen.length);
        await next.until((c) => c.lastId && c.messages.length >= wanted, `${wanted} more`);
        next.close();
        assert.equal(next.gaps.length, 0);
        seen.push(...next.messages);
        last = next.lastId;
      }
      return seen;
    });
    await pushValues(publisher, total);
    for (const seen of await Promise.all(readers)) assert.deepEqual(seen, values(total));
  });
});

// After a gap the client gets some of the newest messages without a hole, then all that is new.
function assertTailWithoutHole(messages, total) {
  const numbers = messages.map((text) => JSON.parse(text).n);
  assert.equal(numbers.at(-1), total - 1);
  for (let i = 1; i < numbers.length; i++)
    assert.equal(numbers[i], numbers[i - 1] + 1, String(numbers));
}

for (const [name, how] of [
  ["the header", byHeader],
  ["the query", byQuery],
]) {
  test(`the history is gone (HISTORY_COUNT), back by ${name}: gap first`, async () => {
    await withPublisher({ env: { HISTORY_COUNT: "5" } }, async (server, publisher) => {
      const id = await cutAfter(server, publisher, 2);
      await pushValues(publisher, 40, 2);
      const back = await SseClient.open(server, how(id));
      await back.until((c) => c.gaps.length, "the gap");
      const at = back.blocks.findIndex((b) => b.event === "gap");
      assert.ok(
        back.blocks.slice(0, at).every((b) => b.data === undefined),
        "a message before the gap",
      );
      const [gap] = back.gaps;
      assert.equal(typeof JSON.parse(gap.data).reason, "string");
      assert.ok(gap.id && gap.id !== id);
      await pushValues(publisher, 3, 42);
      await back.untilMessage('{"n":44}');
      assertTailWithoutHole(back.messages, 45);
      assert.equal(back.gaps.length, 1);
      back.close();
    });
  });
}

test("the gap's own position can be resumed from", async () => {
  await withPublisher({ env: { HISTORY_COUNT: "5" } }, async (server, publisher) => {
    const id = await cutAfter(server, publisher, 2);
    await pushValues(publisher, 40, 2);
    const back = await SseClient.open(server, byHeader(id));
    await back.until((c) => c.gaps.length, "the gap");
    back.close();
    await pushValues(publisher, 2, 42);
    const again = await SseClient.open(server, byHeader(back.lastId));
    await again.untilMessage('{"n":43}');
    assert.equal(again.gaps.length, 0);
    assertTailWithoutHole(again.messages, 44);
    again.close();
  });
});

test("history within HISTORY_COUNT is no gap", async () => {
  await withPublisher({ env: { HISTORY_COUNT: "50" } }, async (server, publisher) => {
    const id = await cutAfter(server, publisher, 3);
    await pushValues(publisher, 45, 3);
    const back = await SseClient.open(server, byHeader(id));
    assert.deepEqual(await back.untilMessages(45), values(45, 3));
    assert.equal(back.gaps.length, 0);
    back.close();
  });
});

test("HISTORY_BYTES bounds the history too", async () => {
  await withPublisher({ env: { HISTORY_BYTES: "100000" } }, async (server, publisher) => {
    const client = await SseClient.open(server);
    await client.untilPosition();
    client.close();
    for (const n of range(20)) await publisher.push({ n, fill: "f".repeat(20_000) });
    const back = await SseClient.open(server, byHeader(client.lastId));
    await back.until((c) => c.gaps.length, "the gap");
    back.close();
  });
});

test("a position of an earlier process is a gap, for SSE and WebSocket", async () => {
  let id;
  await withPublisher({}, async (server, publisher) => {
    id = await cutAfter(server, publisher, 3);
  });
  await withPublisher({}, async (server, publisher) => {
    await pushValues(publisher, 2);
    const sse = await SseClient.open(server, byHeader(id));
    await sse.until((c) => c.gaps.length, "the gap");
    const ws = await wsFrom(server, id);
    await ws.untilMessages(1);
    assert.equal(ws.frames[0].gap, true);
    await publisher.push("new");
    await sse.untilMessage('"new"');
    await ws.until((c) => c.frames.some((f) => f.data === "new"), "the new message");
    sse.close();
    ws.close();
  });
});

for (const foreign of [
  "",
  "abc",
  "0",
  "42",
  "1700000000000-0",
  "x".repeat(2000),
  "../../etc",
  "%00",
  "äöü",
  '{"a":1}',
]) {
  test(`a foreign Last-Event-ID is ignored: ${JSON.stringify(foreign.slice(0, 20))}`, async () => {
    await withPublisher({}, async (server, publisher) => {
      await pushValues(publisher, 3);
      const clients = [await SseClient.open(server, byQuery(foreign))];
      if (!/[^\x20-\x7e]/.test(foreign))
        clients.push(await SseClient.open(server, byHeader(foreign)));
      for (const client of clients) {
        assert.equal(client.head.status, 200);
        await client.untilPosition();
      }
      await pushValues(publisher, 2, 3);
      for (const client of clients) {
        assert.deepEqual(await client.untilMessages(2), values(2, 3));
        assert.equal(client.gaps.length, 0);
        client.close();
      }
    });
  });
}

test("a WebSocket with an empty last_event_id starts now and gets its positions", async () => {
  await withPublisher({}, async (server, publisher) => {
    await pushValues(publisher, 3);
    const client = await wsFrom(server, "");
    await pushValues(publisher, 4, 3);
    await client.until((c) => c.frames.filter((f) => "data" in f).length >= 4, "four messages");
    const frames = client.frames.filter((f) => "data" in f);
    assert.deepEqual(
      frames.map((f) => f.data),
      range(4, 3).map((n) => ({ n })),
    );
    for (const f of frames) assert.deepEqual(Object.keys(f), ["id", "data"]);
    assert.equal(new Set(frames.map((f) => f.id)).size, 4);
    client.close();
  });
});

test("a WebSocket comes back with its position; SSE positions are the same ones", async () => {
  await withPublisher({}, async (server, publisher) => {
    const client = await wsFrom(server, "");
    const sse = await SseClient.open(server);
    await sse.untilPosition();
    await pushValues(publisher, 5);
    await client.until((c) => c.frames.some((f) => f.data?.n === 4), "the fifth");
    await sse.untilMessages(5);
    client.close();
    const id = client.frames.find((f) => f.data?.n === 2).id;
    assert.equal(id, sse.blocks.find((b) => b.data === '{"n":2}').id);
    await pushValues(publisher, 5, 5);
    const back = await wsFrom(server, id);
    await back.untilMessages(7);
    assert.deepEqual(
      back.frames.map((f) => f.data.n),
      range(7, 3),
    );
    assert.ok(back.frames.every((f) => f.gap === undefined));
    await publisher.push({ n: 10 });
    await back.until((c) => c.frames.some((f) => f.data?.n === 10), "the live one");
    back.close();
    sse.close();
  });
});

test('a WebSocket whose history is gone is told {"id","gap":true} and stays', async () => {
  await withPublisher({ env: { HISTORY_COUNT: "5" } }, async (server, publisher) => {
    const id = await cutAfter(server, publisher, 2);
    await pushValues(publisher, 40, 2);
    const back = await wsFrom(server, id);
    await back.untilMessages(1);
    const [gap] = back.frames;
    assert.deepEqual(Object.keys(gap).sort(), ["gap", "id"]);
    assert.equal(gap.gap, true);
    assert.notEqual(gap.id, id);
    await pushValues(publisher, 2, 42);
    await back.until((c) => c.frames.some((f) => f.data?.n === 43), "the newest");
    const data = back.frames.filter((f) => "data" in f).map((f) => JSON.stringify(f.data));
    assertTailWithoutHole(data, 44);
    back.close();
  });
});
