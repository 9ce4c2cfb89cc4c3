// The WebSocket side: handshake, delivery, pings, close, and frames that break the rules (RFC
// 6455).
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Wire, request } from "./lib/raw.mjs";
import { Publisher, push } from "./lib/push.mjs";
import { startServer } from "./lib/server.mjs";
import { WsClient, WsWire, closePayload, frame, opcode, upgradeRequest } from "./lib/websocket.mjs";

const server = await startServer();
after(() => server.stop());

test("the handshake", async () => {
  const client = await WsWire.open(server);
  assert.equal(client.head.get("upgrade").toLowerCase(), "websocket");
  assert.equal(client.head.get("connection").toLowerCase(), "upgrade");
  assert.equal(client.head.get("sec-websocket-protocol"), undefined);
  client.destroy();
});

test("compression is not agreed to", async () => {
  const headers = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
  const client = await WsWire.open(server, { headers });
  assert.equal(client.head.get("sec-websocket-extensions"), undefined);
  client.destroy();
});

test("the first subprotocol offered is echoed", async () => {
  const client = await WsWire.open(server, {
    headers: { "Sec-WebSocket-Protocol": "first, second" },
  });
  assert.deepEqual(client.head.all("sec-websocket-protocol"), ["first"]);
  client.destroy();
  const library = await WsClient.open(server, { protocols: ["a.b", "c"] });
  assert.equal(library.socket.protocol, "a.b");
  library.close();
});

test("a query on the path is ignored, Connection may list more", async () => {
  const headers = { Connection: "keep-alive, Upgrade", Upgrade: "WebSocket" };
  const client = await WsWire.open(server, { path: "/api/live/ws?token=1", headers });
  client.destroy();
});

test("other versions are 426 and are told which one", async () => {
  for (const version of ["8", "12", "14", "0"]) {
    const wire = await Wire.connect(server);
    await wire.write(upgradeRequest("/api/live/ws", { "Sec-WebSocket-Version": version }));
    const head = await wire.response();
    assert.equal(head.status, 426);
    assert.deepEqual(head.all("sec-websocket-version"), ["13"]);
    wire.destroy();
  }
});

for (const [name, headers] of [
  ["no key", { "Sec-WebSocket-Key": null }],
  ["a short key", { "Sec-WebSocket-Key": "c2hvcnQ=" }],
  ["a key that is no base64", { "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!!!" }],
]) {
  test(`a handshake with ${name} is 400`, async () => {
    const wire = await Wire.connect(server);
    await wire.write(upgradeRequest("/api/live/ws", headers));
    assert.equal((await wire.response()).status, 400);
    wire.destroy();
  });
}

test("one push is one text frame, byte for byte", async () => {
  const client = await WsWire.open(server);
  const sizes = [1, 123, 124, 125, 65_533, 65_534, 200_000];
  for (const size of sizes) await push(server, Buffer.from(`"${"w".repeat(size)}"`));
  for (const size of sizes) {
    const next = await client.frame();
    assert.deepEqual([next.opcode, next.fin, next.reserved], [opcode.text, true, 0]);
    assert.equal(next.payload.toString(), `"${"w".repeat(size)}"`);
  }
  client.destroy();
});

test("who pushes receives it too", async () => {
  const client = await WsClient.open(server);
  await push(server, { from: "me" });
  await client.untilMessage('{"from":"me"}');
  client.close();
});

test("what clients send is ignored: text, binary, fragments, nothing comes back", async () => {
  const client = await WsWire.open(server);
  await client.send(opcode.text, "hello");
  await client.send(opcode.binary, Buffer.from([0, 255, 1]));
  await client.send(opcode.text, '{"a":', { fin: false });
  await client.send(opcode.continuation, "1", { fin: false });
  await client.send(opcode.ping, "between");
  await client.send(opcode.continuation, "}");
  await client.send(opcode.text, "x".repeat(60_000));
  await client.send(opcode.pong, "nobody asked");
  const pong = await client.frame();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [opcode.pong, "between"]);
  await client.send(opcode.ping, "");
  assert.equal((await client.frame()).opcode, opcode.pong);
  await push(server, "still");
  assert.equal((await client.frame()).payload.toString(), '"still"');
  client.destroy();
});

test("pings are answered with their payload", async () => {
  const client = await WsWire.open(server);
  for (const payload of ["", "a", "p".repeat(125)]) {
    await client.send(opcode.ping, payload);
    const pong = await client.frame();
    assert.deepEqual(
      [pong.opcode, pong.fin, pong.payload.toString()],
      [opcode.pong, true, payload],
    );
  }
  client.destroy();
});

for (const [name, payload, answer] of [
  ["1000", closePayload(1000, "client disconnect"), [1000]],
  ["1001", closePayload(1001), [1001]],
  ["3000", closePayload(3000), [3000]],
  ["4999", closePayload(4999, "bye"), [4999]],
  ["no code", Buffer.alloc(0), [1000, 1005]],
]) {
  test(`the close handshake: ${name}`, async () => {
    const client = await WsWire.open(server);
    await client.send(opcode.close, payload);
    const close = await client.closeFrame();
    assert.ok(close && answer.includes(close.code), JSON.stringify(close));
    await client.wire.untilOver();
    assert.equal(client.wire.error, null);
    client.destroy();
  });
}

test("the library's own close is clean", async () => {
  const client = await WsClient.open(server);
  client.socket.close(1000, "client disconnect");
  assert.equal((await client.untilClosed()).code, 1000);
});

test("nothing is sent after the close frame", async () => {
  const client = await WsWire.open(server);
  await client.send(opcode.close, closePayload(1000));
  await client.send(opcode.ping, "late");
  await push(server, "late");
  assert.equal((await client.closeFrame()).code, 1000);
  await client.wire.untilOver();
  assert.equal(client.wire.bytes.length, 0);
  client.destroy();
});

const { text, binary, ping, pong, close, continuation } = opcode;
const broken = [
  ["an unmasked frame", 1002, [frame(text, "a", { masked: false })]],
  ["an unmasked ping", 1002, [frame(ping, "a", { masked: false })]],
  ["a reserved bit", 1002, [frame(text, "a", { reserved: 4 })]],
  ["another reserved bit", 1002, [frame(ping, "", { reserved: 1 })]],
  ["reserved opcode 3", 1002, [frame(3, "a")]],
  ["reserved opcode 11", 1002, [frame(11, "")]],
  ["a ping over 125 bytes", 1002, [frame(ping, "a".repeat(126))]],
  ["a close over 125 bytes", 1002, [frame(close, closePayload(1000, "a".repeat(124)))]],
  ["a fragmented ping", 1002, [frame(ping, "a", { fin: false })]],
  ["a fragmented pong", 1002, [frame(pong, "a", { fin: false })]],
  ["a continuation of nothing", 1002, [frame(continuation, "a")]],
  ["a new message inside another", 1002, [frame(text, "a", { fin: false }), frame(text, "b")]],
  ["a binary inside a text", 1002, [frame(text, "a", { fin: false }), frame(binary, "b")]],
  ["a length with its highest bit", 1002, [frame(binary, "", { declared: 2n ** 63n })]],
  ["a close of one byte", 1002, [frame(close, "x")]],
  ["close code 0", 1002, [frame(close, closePayload(0))]],
  ["close code 999", 1002, [frame(close, closePayload(999))]],
  ["close code 1004", 1002, [frame(close, closePayload(1004))]],
  ["close code 1005", 1002, [frame(close, closePayload(1005))]],
  ["close code 1006", 1002, [frame(close, closePayload(1006))]],
  ["close code 1015", 1002, [frame(close, closePayload(1015))]],
  ["close code 2999", 1002, [frame(close, closePayload(2999))]],
  ["close code 5000", 1002, [frame(close, closePayload(5000))]],
  ["a text that is not UTF-8", 1007, [frame(text, Buffer.from([0xc3, 0x28]))]],
  ["a text cut inside a character", 1007, [frame(text, Buffer.from([0xe2, 0x82]))]],
  ["a surrogate", 1007, [frame(text, Buffer.from([0xed, 0xa0, 0x80]))]],
  [
    "bad UTF-8 in a fragment",
    1007,
    [frame(text, "ok", { fin: false }), frame(continuation, Buffer.from([0xff]), { fin: false })],
  ],
  [
    "a close reason that is not UTF-8",
    1007,
    [frame(close, Buffer.concat([closePayload(1000), Buffer.from([0xff])]))],
  ],
  ["a frame over 64 KB", 1009, [frame(binary, Buffer.alloc(65_537))]],
  ["a frame that announces 1 GB", 1009, [frame(binary, "", { declared: 2 ** 30 })]],
  [
    "a message over 64 KB in fragments",
    1009,
    [
      frame(binary, Buffer.alloc(40_000), { fin: false }),
      frame(continuation, Buffer.alloc(40_000)),
    ],
  ],
];
for (const [name, code, frames] of broken) {
  test(`${code} for ${name}`, async () => {
    const client = await WsWire.open(server);
    await client.wire.write(Buffer.concat(frames));
    assert.equal((await client.closeFrame())?.code, code);
    await client.wire.untilOver();
    client.destroy();
  });
}

test("a frame that breaks the rules harms nobody else", async () => {
  const other = await WsClient.open(server);
  await Promise.all(
    broken.map(async ([, , frames]) => {
      const client = await WsWire.open(server);
      await client.wire.write(Buffer.concat(frames));
      client.destroy();
    }),
  );
  await push(server, "unharmed");
  await other.untilMessage('"unharmed"');
  other.close();
});

test("a client that vanishes without a close is simply gone", async () => {
  for (let n = 0; n < 20; n++) {
    const client = await WsWire.open(server);
    client.wire.socket.resetAndDestroy();
  }
  const publisher = new Publisher(server);
  await publisher.push("after the resets");
  publisher.close();
});

test("an upgrade inside a pipeline comes in its turn", async () => {
  const wire = await Wire.connect(server);
  await wire.write(request("GET", "/health") + upgradeRequest("/api/live/ws"));
  assert.equal((await wire.response()).status, 200);
  assert.equal((await wire.head()).status, 101);
  wire.destroy();
});

test("a POST is no upgrade: it is the contract's 404", async () => {
  const wire = await Wire.connect(server);
  await wire.write(upgradeRequest("/api/live/ws").replace(/^GET/, "POST"));
  assert.equal((await wire.response()).status, 404);
  wire.destroy();
});
