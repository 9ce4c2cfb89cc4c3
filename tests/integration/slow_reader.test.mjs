// A client that never reads, beside ones that do (invariants 2, 3 and 4).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { sanitized, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire, opcode } from "./lib/websocket.mjs";

const residentMb = (server) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "latin1"))[1]) / 1024;

const kinds = [
  ["small messages", 2000, 8_000], // through the ring
  ["large messages", 150, 200_000], // blocks of their own
];
// A client that stops reading holds what the kernel buffers for it, a few hundred KB; these are far
// more.
const body = (n, size) => Buffer.from(JSON.stringify({ n, fill: "f".repeat(size) }));

// Pushes them all while four clients read along; returns when all four have everything.
async function pushPastReaders(server, count, size) {
  const sse = await Promise.all(range(2).map(() => SseClient.open(server)));
  const ws = await Promise.all(range(2).map(() => WsClient.open(server)));
  await Promise.all(sse.map((c) => c.untilPosition()));
  const publisher = new Publisher(server);
  let paced = 0;
  for (const n of range(count)) {
    await publisher.push(body(n, size));
    // All of this is one process: it must give its own readers time, or they are slow ones too.
    if ((n + 1) * size > paced + 500_000) {
      await Promise.all([...sse, ...ws].map((client) => client.untilMessages(n + 1)));
      paced = (n + 1) * size;
    }
  }
  for (const client of [...sse, ...ws]) {
    await client.untilMessages(count);
    assert.ok(
      client.messages.every((text, n) => text.startsWith(`{"n":${n},`)),
      "out of order",
    );
    client.close();
  }
  publisher.close();
}

// The numbers a slow client got: no hole without a notice.
function assertWithoutHole(numbers) {
  for (let i = 1; i < numbers.length; i++) assert.equal(numbers[i], numbers[i - 1] + 1);
}

for (const [name, count, size] of kinds) {
  test(`${name}: a WebSocket that never reads is closed 1013, readers get all`, async () => {
    await withServer({}, async (server) => {
      const slow = await WsWire.open(server);
      slow.wire.socket.pause();
      const start = Date.now();
      await pushPastReaders(server, count, size);
      const waited = Date.now() - start;
      slow.wire.socket.resume();
      const numbers = [];
      let code = null;
      for (;;) {
        const frame = await slow.frame().catch(() => null);
        if (frame === null) break;
        if (frame.opcode === opcode.close) code = frame.payload.readUInt16BE();
        else if (frame.opcode === opcode.text) numbers.push(JSON.parse(frame.payload.toString()).n);
      }
      assertWithoutHole(numbers);
      assert.ok(numbers.length < count, "it got everything although it never read");
      // Who does not take its close frame within 5 s is reset.
      if (waited < 4000)
        assert.equal(code, 1013, `${numbers.length} messages, ${slow.wire.error?.code}`);
      else assert.ok(code === 1013 || slow.wire.over);
      slow.destroy();
    });
  });

  test(`${name}: an SSE client that never reads is cut, then resumes or has a gap`, async () => {
    await withServer({}, async (server) => {
      const slow = await SseClient.open(server);
      await slow.untilPosition();
      slow.pause();
      await pushPastReaders(server, count, size);
      slow.resume();
      await slow.untilOver();
      const numbers = slow.messages.map((text) => JSON.parse(text).n);
      assertWithoutHole(numbers);
      assert.ok(numbers.length < count, "it got everything although it never read");
      const back = await SseClient.open(server, { headers: { "Last-Event-ID": slow.lastId } });
      const publisher = new Publisher(server);
      await back.untilPosition();
      await publisher.push(body(count, 1));
      await back.until(
        (c) => c.messages.at(-1)?.startsWith(`{"n":${count},`),
        "the newest message",
      );
      const later = back.messages.map((text) => JSON.parse(text).n);
      assertWithoutHole(later);
      if (back.gaps.length === 0) assert.equal(later[0], numbers.length, "a hole without a notice");
      publisher.close();
      back.close();
    });
  });

  test(`${name}: a WebSocket with positions has no hole it was not told of`, async () => {
    await withServer({}, async (server) => {
      const slow = await WsWire.open(server, { path: "/api/live/ws?last_event_id=" });
      slow.wire.socket.pause();
      await pushPastReaders(server, count, size);
      slow.wire.socket.resume();
      const publisher = new Publisher(server);
      await publisher.push(body(count, 1)).catch(() => {});
      let expected = 0;
      for (;;) {
        const frame = await slow.frame().catch(() => null);
        if (frame === null || frame.opcode === opcode.close) break;
        if (frame.opcode !== opcode.text) continue;
        const message = JSON.parse(frame.payload.toString());
        if (message.gap) expected = null;
        if (message.data === undefined) continue;
        if (expected !== null) assert.equal(message.data.n, expected, "a hole without a notice");
        expected = message.data.n + 1;
        if (expected === count + 1) break;
      }
      publisher.close();
      slow.destroy();
    });
  });
}

test("SLOW_READER=skip: told of the gap and kept, SSE and WebSocket with positions", async () => {
  await withServer({ env: { SLOW_READER: "skip" } }, async (server) => {
    const sse = await SseClient.open(server);
    const ws = await WsClient.open(server, { query: "?last_event_id=" });
    await sse.untilPosition();
    sse.pause();
    ws.socket.pause();
    await pushPastReaders(server, 1000, 10_000);
    sse.resume();
    ws.socket.resume();
    const publisher = new Publisher(server);
    await publisher.push("newest");
    await sse.untilMessage('"newest"');
    await ws.until((c) => c.frames.some((f) => f.data === "newest"), "the newest message");
    assert.ok(sse.gaps.length >= 1 && !sse.ended && !sse.cut);
    assert.ok(ws.frames.some((f) => f.gap === true) && ws.closed === null);
    // Between two gaps there is no hole, and after the last gap all is there.
    let expected = 0;
    for (const block of sse.blocks) {
      if (block.event === "gap") expected = null;
      if (block.data === undefined || block.event !== undefined) continue;
      if (block.data === '"newest"') break;
      const { n } = JSON.parse(block.data);
      if (expected !== null) assert.equal(n, expected, "a hole without a notice");
      expected = n + 1;
    }
    publisher.close();
    sse.close();
    ws.close();
  });
});

test(
  "many that never read cost a bounded amount",
  { skip: sanitized && "sanitizers need memory" },
  async () => {
    await withServer({}, async (server) => {
      const idle = await Promise.all(
        range(200).map(async (n) => {
          const client = n % 2 ? await WsWire.open(server) : await SseClient.open(server);
          client.wire.socket.pause();
          return client;
        }),
      );
      const before = residentMb(server);
      await pushPastReaders(server, 60, 200_000);
      const grown = residentMb(server) - before;
      // 200 private copies of one message would be 40 MB, of the backlog 2,400 MB.
      assert.ok(grown < 64, `${grown} MB more for 200 clients that never read`);
      for (const client of idle) client.wire.destroy();
    });
  },
);
