// The push endpoint of section 0.4 and what livehub decides beyond it: bodies, limits, JSON.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertJson } from "./lib/contract.mjs";
import { jsonDocuments, minified } from "./lib/json_documents.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { Publisher, push } from "./lib/push.mjs";
import { startServer, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const server = await startServer();
const publisher = new Publisher(server);
after(async () => {
  publisher.close();
  await server.stop();
});
const post = (body, headers) => exchange(server, request("POST", "/api/live/push", headers, body));
const tooLarge = '{"ok":false,"error":"Body too large"}';
const missing = '{"ok":false,"error":"Missing body"}';

test("a push is answered with ok and goes to SSE and WebSocket alike", async () => {
  const sse = await SseClient.open(server);
  const ws = await WsClient.open(server);
  await sse.untilPosition();
  const values = ['{"a":1}', "null", "true", "0", "-1.5e3", '"text"', "[]", "{}", '[[],{"a":{}}]'];
  for (const value of values) assertJson(await post(value), 200, '{"ok":true}');
  assert.deepEqual(await sse.untilMessages(values.length), values);
  assert.deepEqual(await ws.untilMessages(values.length), values);
  sse.close();
  ws.close();
});

test("the content type is not looked at", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "image/png", ""]) {
    assertJson(await post("{}", { "Content-Type": type }), 200, '{"ok":true}');
  }
});

test("an empty body is 400", async () => {
  assertJson(await exchange(server, request("POST", "/api/live/push")), 400, missing);
  assertJson(
    await exchange(server, request("POST", "/api/live/push", { "Content-Length": "0" })),
    400,
    missing,
  );
  const chunked = request("POST", "/api/live/push", { "Transfer-Encoding": "chunked" });
  assertJson(await exchange(server, `${chunked}0\r\n\r\n`), 400, missing);
});

test("bad JSON is 400 and names the place", async () => {
  for (const [body, place] of [
    ['{"a":}', 5],
    ["[1,2", 4],
    ["nul", 3],
    ['{"a" 1}', 5],
    ['"\t"', 1],
    ["[01]", 2],
  ]) {
    const answer = await post(body);
    assertJson(answer, 400);
    const { ok, error, ...rest } = JSON.parse(answer.body);
    assert.equal(ok, false);
    assert.deepEqual(rest, {});
    const numbers = (error.match(/\d+/g) ?? []).map(Number);
    assert.ok(
      numbers.includes(place) || numbers.includes(place + 1),
      `${body}: ${error} (byte ${place})`,
    );
  }
});

test("a refused push reaches nobody, and its connection can be used again", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  const wire = await Wire.connect(server);
  await wire.write(request("POST", "/api/live/push", {}, '{"bad"'));
  assertJson(await wire.response(), 400);
  await wire.write(request("POST", "/api/live/push", {}, '"good"'));
  assertJson(await wire.response(), 200);
  assert.deepEqual(await client.untilMessages(1), ['"good"']);
  wire.destroy();
  client.close();
});

test("a BOM is 400, invalid UTF-8 becomes U+FFFD", async () => {
  assertJson(await post('\ufeff{"a":1}'), 400);
  const sse = await SseClient.open(server);
  const ws = await WsClient.open(server);
  await sse.untilPosition();
  const bodies = [
    [0x61, 0xff, 0x62],
    [0xc3],
    [0xe2, 0x82],
    [0xf0, 0x9f, 0x98],
    [0xed, 0xa0, 0x80],
    [0xc0, 0xaf],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x28, 0xa1],
    [0x80, 0xbf],
    [0xf0, 0x80, 0x80, 0xaf],
  ].map((bytes) => Buffer.from([0x22, ...bytes, 0x22]));
  for (const body of bodies) await publisher.push(body);
  const expected = bodies.map((body) => body.toString("utf8"));
  assert.ok(expected.every((text) => text.includes("\ufffd")));
  assert.deepEqual(await sse.untilMessages(bodies.length), expected);
  assert.deepEqual(await ws.untilMessages(bodies.length), expected);
  sse.close();
  ws.close();
});

test("1,000 documents: JSON.parse accepts the same ones and reads the same", async () => {
  await withServer({}, async (own) => {
    const client = await SseClient.open(own);
    await client.untilPosition();
    const sender = new Publisher(own);
    const expected = [];
    let refused = 0;
    for (const text of jsonDocuments(1000, 20261120)) {
      let value;
      let valid = text.length > 0;
      try {
        value = JSON.parse(text);
      } catch {
        valid = false;
      }
      const answer = await sender.post(text);
      assert.equal(answer.status, valid ? 200 : 400, `${JSON.stringify(text)}: ${answer.body}`);
      if (valid) expected.push({ text, value });
      else refused++;
    }
    assert.ok(expected.length >= 300 && refused >= 300, `${expected.length} valid, ${refused} not`);
    await client.untilMessages(expected.length);
    for (const [i, { text, value }] of expected.entries()) {
      assert.equal(client.messages[i], minified(text));
      assert.deepEqual(JSON.parse(client.messages[i]), value);
    }
    sender.close();
    client.close();
  });
});

test("a depth of 512 is accepted, more is 400", async () => {
  const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);
  assertJson(await post(nested(512)), 200);
  assertJson(await post(nested(513)), 400);
  assertJson(await post("[".repeat(100_000)), 400);
});

test("chunked bodies, with extensions and trailers", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  const head = request("POST", "/api/live/push", { "Transfer-Encoding": "chunked" });
  for (const body of [
    '9\r\n{"a": "b"\r\n1\r\n}\r\n0\r\n\r\n',
    "5;x=y\r\n[1,2]\r\n0\r\n\r\n",
    'A\r\n"12345678"\r\n0\r\nX-T: 1\r\n\r\n',
  ]) {
    assertJson(await exchange(server, head + body), 200, '{"ok":true}');
  }
  assert.deepEqual(await client.untilMessages(3), ['{"a":"b"}', "[1,2]", '"12345678"']);
  client.close();
});

test("Expect: 100-continue is answered before the body comes", async () => {
  const wire = await Wire.connect(server);
  await wire.send(
    "POST /api/live/push HTTP/1.1",
    "Host: a",
    "Content-Length: 7",
    "Expect: 100-continue",
  );
  assert.equal((await wire.response()).status, 100);
  await wire.write('{"e":1}');
  assertJson(await wire.response(), 200, '{"ok":true}');
  wire.destroy();
});

test("the body limit is exact: 256,000 bytes pass, one more is 413", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  const body = `"${"x".repeat(255_998)}"`;
  assertJson(await post(body), 200, '{"ok":true}');
  assertJson(await post(`${body} `), 413, tooLarge);
  const chunked = request("POST", "/api/live/push", { "Transfer-Encoding": "chunked" });
  const inChunks = (text) => `${chunked}${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  assertJson(await exchange(server, inChunks(body)), 200, '{"ok":true}');
  assertJson(await exchange(server, inChunks(`${body} `)), 413, tooLarge);
  assert.deepEqual(await client.untilMessages(2), [body, body]);
  client.close();
});

for (const [name, headers] of [
  ["with a length", { "Content-Length": "1048576" }],
  ["chunked", { "Transfer-Encoding": "chunked" }],
]) {
  test(`a client that keeps sending 1 MB ${name} gets a clean 413`, async () => {
    const wire = await Wire.connect(server);
    await wire.write(request("POST", "/api/live/push", headers));
    const part = "y".repeat(16_384);
    for (let n = 0; n < 64; n++) {
      const sent = await wire.write(headers["Content-Length"] ? part : `4000\r\n${part}\r\n`);
      assert.ok(sent, `the connection broke at ${n * 16} KB: ${wire.error?.code}`);
    }
    if (!headers["Content-Length"]) await wire.write("0\r\n\r\n");
    assertJson(await wire.response(), 413, tooLarge);
    assert.equal(wire.error, null);
    wire.destroy();
  });
}

test("MAX_BODY_BYTES moves the limit", async () => {
  await withServer({ env: { MAX_BODY_BYTES: "100" } }, async (own) => {
    const post100 = (size) =>
      exchange(own, request("POST", "/api/live/push", {}, `"${"z".repeat(size - 2)}"`));
    assertJson(await post100(100), 200, '{"ok":true}');
    assertJson(await post100(101), 413, tooLarge);
  });
});

test("MODE=generator sends a point every TICK_MS", async () => {
  await withServer({ env: { MODE: "Generator", TICK_MS: "50" } }, async (own) => {
    const health = await exchange(own, request("GET", "/health"));
    assert.equal(JSON.parse(health.body).mode, "generator");
    const sse = await SseClient.open(own);
    const ws = await WsClient.open(own);
    await sse.untilMessages(5);
    await ws.untilMessages(5);
    for (const text of [...sse.messages, ...ws.messages]) {
      const message = JSON.parse(text);
      const point = message.point ?? (message.type === "point" ? message.data : message);
      const metrics = [
        "activeUsers",
        "signups",
        "conversions",
        "revenue",
        "latencyP95",
        "errorRate",
      ];
      assert.ok(
        metrics.some((name) => Number.isFinite(point[name])),
        text,
      );
      assert.ok(!Number.isNaN(new Date(point.ts ?? point.timestamp).getTime()), text);
    }
    sse.close();
    ws.close();
  });
});

test("in hub mode nothing is made up", async () => {
  await withServer({ env: { TICK_MS: "20" } }, async (own) => {
    const client = await SseClient.open(own);
    await client.untilPosition();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await push(own, "mine");
    assert.deepEqual(await client.untilMessages(1), ['"mine"']);
    client.close();
  });
});
