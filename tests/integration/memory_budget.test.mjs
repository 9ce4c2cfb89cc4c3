// One budget for all memory: over it newcomers are refused with a clear answer, readiness says so,
// and those who are there stay. With room again everything goes on.
import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { metricsText } from "./lib/metrics.mjs";
import { range } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { exchange } from "./lib/raw.mjs";
import { withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

const small = { MEMORY_BYTES: "16m", ARENA_BYTES: "64k" };
// A hog has 7 MB, the start less than one: two of them leave room for the rest, three do not.
const bodyBytes = 7 << 20;

// Most of a body, of a push that never ends: it is the budget's until it does.
async function hog(server) {
  const socket = net.connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  const head = "POST /api/live/push HTTP/1.1\r\nHost: a\r\n";
  socket.on("error", () => {}).write(`${head}Content-Length: ${bodyBytes + 1}\r\n\r\n`);
  socket.write(Buffer.alloc(bodyBytes, 32));
  return socket;
}

const upgrade =
  "GET /api/live/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

test("a history that could fill the budget leaves room for what comes", async () => {
  const history = { HISTORY_BYTES: "64m", HISTORY_COUNT: "1000000" };
  await withServer({ env: { ...small, ...history } }, async (server) => {
    const client = await SseClient.open(server);
    const large = "x".repeat(250_000);
    for (const number of range(100)) await push(server, { number, large });
    await client.untilMessage(JSON.stringify({ number: 99, large }));
    assert.equal(client.messages.length, 100);
    client.close();
  });
});

test("over the budget newcomers are refused, each in its own way", async () => {
  // What every shard takes at its start is too much already.
  await withServer({ env: { MEMORY_BYTES: "16m", ARENA_BYTES: "32m" } }, async (server) => {
    const answer = await fetch(`${server.adminUrl}/ready`);
    assert.equal(answer.status, 503);
    assert.deepEqual((await answer.json()).wrong, ["memory budget used up"]);
    assert.equal((await fetch(`${server.adminUrl}/live`)).status, 200);
    // An event stream is told to come back: after another status a browser never would.
    const stream = await fetch(`${server.url}/api/live`);
    assert.equal(stream.status, 200);
    assert.match(await stream.text(), /^retry: \d+$/m);
    const socket = await exchange(server, upgrade);
    assert.equal(socket.status, 503);
    assert.match(socket.get("retry-after"), /^\d+$/);
    const pushed = await fetch(`${server.url}/api/live/push`, { method: "POST", body: "1" });
    assert.equal(pushed.status, 503);
    const text = await metricsText(server);
    const refused = [...text.matchAll(/^livehub_refused_total\{.*reason="memory"\} (\d+)$/gm)];
    assert.ok(refused.reduce((sum, match) => sum + Number(match[1]), 0) >= 3);
  });
});

test("bodies that go beyond the budget are refused, and who is there stays", async () => {
  await withServer({ env: { ...small, MAX_BODY_BYTES: "8m" } }, async (server) => {
    const client = await SseClient.open(server);
    await push(server, { before: 1 });
    const hogs = await Promise.all(range(3).map(() => hog(server)));
    const [answer] = await Promise.race(hogs.map((socket) => once(socket, "data")));
    assert.match(answer.toString(), /^HTTP\/1.1 503 /);
    assert.match(answer.toString(), /^Retry-After: \d+\r$/im);
    hogs.forEach((socket) => socket.destroy());
    await push(server, { after: 1 });
    await client.untilMessage('{"after":1}');
    assert.deepEqual(client.messages, ['{"before":1}', '{"after":1}']);
    client.close();
  });
});
