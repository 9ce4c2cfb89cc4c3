// Requests as bytes: split anywhere, pipelined, in odd but legal forms, malformed, ambiguous, too
// big. A bad one costs its own connection only.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertJson, health } from "./lib/contract.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { range } from "./lib/patience.mjs";
import { startServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire, frame, opcode, upgradeRequest } from "./lib/websocket.mjs";

const server = await startServer();
after(() => server.stop());
const healthy = health("hub", "none");
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function writeByteByByte(wire, text) {
  for (const byte of Buffer.from(text)) {
    await wire.write(Buffer.from([byte]));
    await turn();
  }
}

test("a request whose bytes arrive one by one is the same request", async () => {
  const wire = await Wire.connect(server);
  await writeByteByByte(wire, request("GET", "/health", { "X-Filler": "abc" }));
  assertJson(await wire.response(), 200, healthy);
  await writeByteByByte(wire, request("POST", "/api/live/push", {}, '{"one":"byte"}'));
  assertJson(await wire.response(), 200, '{"ok":true}');
  const chunked = request("POST", "/api/live/push", { "Transfer-Encoding": "chunked" });
  await writeByteByByte(wire, `${chunked}3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n`);
  assertJson(await wire.response(), 200, '{"ok":true}');
  wire.destroy();
});

test("an upgrade and frames that arrive byte by byte", async () => {
  const wire = await Wire.connect(server);
  await writeByteByByte(wire, upgradeRequest("/api/live/ws"));
  const head = await wire.head();
  assert.equal(head.status, 101);
  const client = new WsWire(wire, head);
  await writeByteByByte(wire, frame(opcode.ping, "slowly"));
  const pong = await client.frame();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [opcode.pong, "slowly"]);
  client.destroy();
});

test("a frame in the same segment as the upgrade is not lost", async () => {
  const wire = await Wire.connect(server);
  await wire.write(
    Buffer.concat([Buffer.from(upgradeRequest("/api/live/ws")), frame(opcode.ping, "early")]),
  );
  const head = await wire.head();
  assert.equal(head.status, 101);
  const pong = await new WsWire(wire, head).frame();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [opcode.pong, "early"]);
  wire.destroy();
});

test("pipelined requests are answered in order", async () => {
  const wire = await Wire.connect(server);
  const batch = [
    request("GET", "/health"),
    request("POST", "/api/live/push", {}, '{"n":1}'),
    request("GET", "/nowhere"),
    request("POST", "/api/live/push", {}, '{"n":'),
    request("OPTIONS", "/x"),
    request("GET", "/health", { Connection: "close" }),
    request("GET", "/nowhere"), // after close: never answered
  ];
  await wire.write(batch.join(""));
  const statuses = [];
  for (const _ of range(6)) statuses.push((await wire.response()).status);
  assert.deepEqual(statuses, [200, 200, 404, 400, 204, 200]);
  await wire.untilOver();
  assert.equal(wire.bytes.length, 0);
  wire.destroy();
});

test("a hundred pipelined pushes arrive in their order", async () => {
  const reader = await SseClient.open(server);
  await reader.untilPosition();
  const wire = await Wire.connect(server);
  const values = range(100).map((n) => `{"pipelined":${n}}`);
  await wire.write(values.map((value) => request("POST", "/api/live/push", {}, value)).join(""));
  for (const _ of values) assertJson(await wire.response(), 200, '{"ok":true}');
  await reader.untilMessages(100);
  assert.deepEqual(reader.messages, values);
  reader.close();
  wire.destroy();
});

const push = (headers) => `POST /api/live/push HTTP/1.1\r\n${headers}\r\n`;
const legal = [
  ["absolute form", "GET http://hub.test/health HTTP/1.1\r\nHost: hub.test\r\n\r\n"],
  [
    "absolute form with a query",
    "GET http://hub.test/health?a=b HTTP/1.1\r\nHost: hub.test\r\n\r\n",
  ],
  ["no spaces around values", "GET /health HTTP/1.1\r\nHost:hub.test\r\nX-A:b\r\n\r\n"],
  [
    "lower and upper case names",
    "GET /health HTTP/1.1\r\nhOST: hub.test\r\nCONNECTION: KEEP-ALIVE\r\n\r\n",
  ],
  ["an empty value", "GET /health HTTP/1.1\r\nHost: hub.test\r\nX-Empty:\r\n\r\n"],
  [
    "bytes over 127 in a value",
    "GET /health HTTP/1.1\r\nHost: hub.test\r\nX-Name: caf\u00e9\r\n\r\n",
  ],
];
for (const [name, text] of legal) {
  test(`accepted: ${name}`, async () => {
    assertJson(await exchange(server, Buffer.from(text, "latin1")), 200, healthy);
  });
}

const malformed = [
  ["no HTTP at all", "hello\r\n\r\n"],
  ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  ["another protocol version", "GET /health HTTP/3.7\r\nHost: a\r\n\r\n"],
  ["a space in the name", "GET /health HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"],
  ["a space before the colon", "GET /health HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a folded line", "GET /health HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"],
  ["LF without CR", "GET /health HTTP/1.1\nHost: a\n\n"],
  ["CR without LF", "GET /health HTTP/1.1\r\nHost: a\r\nX:\rZTransfer-Encoding: chunked\r\n\r\n"],
  ["a bare CR before the blank line", "GET /health HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n"],
  ["NUL in a value", "GET /health HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"],
  ["no Host", "GET /health HTTP/1.1\r\nX: b\r\n\r\n"],
  ["two Hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  [
    "length and chunked",
    push("Host: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
  ],
  ["two lengths", push("Host: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n") + "[12]x"],
  ["a negative length", push("Host: a\r\nContent-Length: -4\r\n")],
  ["a length that is no number", push("Host: a\r\nContent-Length: 0x4\r\n") + "[12]"],
  ["an endless length", push("Host: a\r\nContent-Length: 99999999999999999999\r\n")],
  [
    "another transfer encoding",
    push("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n",
  ],
  ["chunked twice", push("Host: a\r\nTransfer-Encoding: chunked, chunked\r\n") + "0\r\n\r\n"],
  [
    "chunked on HTTP/1.0",
    "POST /api/live/push HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  [
    "a bad chunk size",
    push("Host: a\r\nTransfer-Encoding: chunked\r\n") + "zz\r\n[1]\r\n0\r\n\r\n",
  ],
  [
    "an endless chunk size",
    push("Host: a\r\nTransfer-Encoding: chunked\r\n") + "fffffffffffffffff\r\n",
  ],
  ["a body on an upgrade", `${upgradeRequest("/api/live/ws", { "Content-Length": "3" })}abc`],
];
for (const [name, text] of malformed) {
  test(`400 and the end, once: ${name}`, async () => {
    const wire = await Wire.connect(server);
    // What follows must not be taken for a request.
    await wire.write(Buffer.from(`${text}GET /health HTTP/1.1\r\nHost: a\r\n\r\n`, "latin1"));
    const head = await wire.response();
    assert.equal(head.status, name === "another protocol version" ? 505 : 400);
    await wire.untilOver();
    assert.doesNotMatch(wire.bytes.toString("latin1"), /HTTP\/1/, "a second response");
    wire.destroy();
  });
}

test("a head over 16 KB is 431, in one header or in many", async () => {
  const long = request("GET", "/health", { "X-Long": "a".repeat(17_000) });
  const many = request(
    "GET",
    "/health",
    Object.fromEntries(range(90).map((n) => [`X-Header-${n}`, "b".repeat(200)])),
  );
  for (const text of [long, many]) assert.equal((await exchange(server, text)).status, 431);
});

test("a hundred headers are accepted, many more are 431", async () => {
  const withHeaders = (count) =>
    request("GET", "/health", Object.fromEntries(range(count).map((n) => [`X-${n}`, "y"])));
  assertJson(await exchange(server, withHeaders(99)), 200, healthy);
  assert.equal((await exchange(server, withHeaders(120))).status, 431);
});

test("a target over the limit is 414", async () => {
  const target = `/health?${"q".repeat(20_000)}`;
  assert.equal((await exchange(server, request("GET", target))).status, 414);
});

test("a client that goes on writing its oversized head still gets the answer", async () => {
  const wire = await Wire.connect(server);
  await wire.write("GET /health HTTP/1.1\r\nHost: a\r\n");
  for (const n of range(64)) if (!(await wire.write(`X-${n}: ${"z".repeat(1000)}\r\n`))) break;
  assert.equal((await wire.response()).status, 431);
  wire.destroy();
});

test("what a bad client does is no concern of the others", async () => {
  const sse = await SseClient.open(server);
  const ws = await WsClient.open(server);
  await sse.untilPosition();
  await Promise.all(
    malformed.map(async ([, text]) => {
      const wire = await Wire.connect(server);
      await wire.write(Buffer.from(text, "latin1"));
      wire.destroy();
    }),
  );
  const answer = await exchange(server, request("POST", "/api/live/push", {}, '{"still":"here"}'));
  assertJson(answer, 200, '{"ok":true}');
  await Promise.all([sse.untilMessage('{"still":"here"}'), ws.untilMessage('{"still":"here"}')]);
  sse.close();
  ws.close();
});
