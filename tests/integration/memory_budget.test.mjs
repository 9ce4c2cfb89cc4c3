// One budget for all memory: over it newcomers are refused with a clear answer, readiness says so,
// and those who are there stay. With room again everything goes on.
import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { eventually, range } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { exchange } from "./lib/raw.mjs";
import { withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

// A hog has 7 MB, the start less than one: three of them are too many.
const env = { MEMORY_BYTES: "16m", MAX_BODY_BYTES: "8m", ARENA_BYTES: "64k" };
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
  await withServer({ env: { ...env, ...history } }, async (server) => {
    const client = await SseClient.open(server);
    const large = "x".repeat(250_000);
    for (const number of range(100)) await push(server, { number, large });
    await client.untilMessage(JSON.stringify({ number: 99, large }));
    assert.equal(client.messages.length, 100);
    client.close();
  });
});

test("over the budget newcomers are refused, and who is there stays", async () => {
  await withServer({ env }, async (server) => {
    const metric = async (pattern) => {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      const found = [...text.matchAll(pattern)].map((match) => Number(match[1]));
      return found.reduce((sum, one) => sum + one, 0);
    };
    const refused = () => metric(/^livehub_refused_total\{.*reason="memory"\} (\d+)$/gm);
    const client = await SseClient.open(server);
    await push(server, { before: 1 });
    const hogs = await Promise.all(range(3).map(() => hog(server)));
    const wrong = await eventually(async () => {
      const answer = await fetch(`${server.adminUrl}/ready`);
      return answer.status === 503 && (await answer.json()).wrong;
    }, "readiness to be red");
    assert.deepEqual(wrong, ["memory budget used up"]);
    assert.equal((await fetch(`${server.adminUrl}/live`)).status, 200);
    const earlier = await refused();
    // An event stream is told to come back: after another status a browser never would.
    const stream = await fetch(`${server.url}/api/live`);
    assert.equal(stream.status, 200);
    assert.match(await stream.text(), /^retry: \d+$/m);
    const socket = await exchange(server, upgrade);
    assert.equal(socket.status, 503);
    assert.match(socket.get("retry-after"), /^\d+$/);
    const pushed = await fetch(`${server.url}/api/live/push`, { method: "POST", body: "1" });
    assert.equal(pushed.status, 503);
    assert.ok((await refused()) >= earlier + 3);
    hogs.forEach((socket) => socket.destroy());
    await eventually(
      async () => (await fetch(`${server.adminUrl}/ready`)).status === 200,
      "readiness to be green again",
    );
    await push(server, { after: 1 });
    await client.untilMessage('{"after":1}');
    assert.deepEqual(client.messages, ['{"before":1}', '{"after":1}']);
    client.close();
  });
});
