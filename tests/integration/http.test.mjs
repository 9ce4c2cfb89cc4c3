// Every route, status, header and body of the contract's sections 0.2 and 0.4 that needs no stream.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { assertCors, assertJson, health, notFound } from "./lib/contract.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { startServer } from "./lib/server.mjs";
import { upgradeRequest } from "./lib/websocket.mjs";

const server = await startServer();
after(() => server.stop());
const curl = async (...args) =>
  (await promisify(execFile)("curl", ["-sS", "-m", "30", ...args])).stdout;

test("GET /health says what there is, in the contract's own order", async () => {
  assertJson(await exchange(server, request("GET", "/health")), 200, health("hub", "none"));
});

test("the query is ignored when a path is matched", async () => {
  assertJson(
    await exchange(server, request("GET", "/health?x=1&y=%zz")),
    200,
    health("hub", "none"),
  );
  assertJson(await exchange(server, request("GET", "/health?")), 200, health("hub", "none"));
});

for (const path of ["/", "/api/live", "/api/live/ws", "/api/live/push", "/nowhere", "/health?x"]) {
  test(`OPTIONS ${path} is 204 with CORS and nothing else`, async () => {
    const headers = { Origin: "http://a.test", "Access-Control-Request-Method": "POST" };
    const wire = await Wire.connect(server);
    await wire.write(request("OPTIONS", path, headers));
    const head = await wire.response();
    assert.equal(head.status, 204);
    assertCors(head);
    assert.deepEqual(head.all("cache-control"), ["no-store"]);
    assert.ok([undefined, "0"].includes(head.get("content-length")));
    assert.equal(head.get("transfer-encoding"), undefined);
    await wire.write(request("GET", "/health"));
    assertJson(await wire.response(), 200); // no stray body bytes in between
    wire.destroy();
  });
}

const elsewhere = [
  ["GET", "/"],
  ["GET", "/nowhere"],
  ["GET", "/health/"],
  ["GET", "/Health"],
  ["GET", "/api/live/"],
  ["GET", "/api"],
  ["GET", "/api/live/push"],
  ["GET", "/api/live/ws"],
  ["POST", "/health"],
  ["POST", "/api/live"],
  ["POST", "/api/live/ws"],
  ["POST", "/nowhere"],
  ["PUT", "/api/live/push"],
  ["DELETE", "/api/live/push"],
  ["PATCH", "/api/live"],
  ["GET", "/metrics"],
  ["GET", "/live"],
  ["GET", "/ready"],
  ["GET", "/_livehub/nothing"],
  ["GET", "/echo"],
];
for (const [method, path] of elsewhere) {
  test(`${method} ${path} is the contract's 404`, async () => {
    const body = method === "GET" || method === "DELETE" ? "" : "{}";
    assertJson(await exchange(server, request(method, path, {}, body)), 404, notFound);
  });
}

for (const path of ["/health", "/api/live", "/nowhere"]) {
  test(`HEAD ${path} is 404 without a body`, async () => {
    const wire = await Wire.connect(server);
    await wire.write(request("HEAD", path) + request("GET", "/health"));
    assertJson(await wire.response({ bodiless: true }), 404);
    assertJson(await wire.response(), 200, health("hub", "none"));
    wire.destroy();
  });
}

test("an upgrade on any other path is destroyed without a byte", async () => {
  for (const path of ["/", "/api/live", "/health", "/api/live/ws/", "/api/live/push", "/nowhere"]) {
    const wire = await Wire.connect(server);
    await wire.write(upgradeRequest(path));
    await wire.untilOver();
    assert.equal(wire.received, 0, path);
    wire.destroy();
  }
});

test("a connection is kept and used again", async () => {
  const wire = await Wire.connect(server);
  for (const [method, path, status] of [
    ["GET", "/health", 200],
    ["GET", "/nowhere", 404],
    ["OPTIONS", "/", 204],
    ["GET", "/health", 200],
  ]) {
    await wire.write(request(method, path));
    const head = await wire.response();
    assert.equal(head.status, status);
    assert.notEqual(head.get("connection")?.toLowerCase(), "close");
  }
  wire.destroy();
});

test("Connection: close is honoured", async () => {
  const wire = await Wire.connect(server);
  await wire.write(request("GET", "/health", { Connection: "close" }));
  const head = await wire.response();
  assertJson(head, 200);
  assert.equal(head.get("connection")?.toLowerCase(), "close");
  await wire.untilOver();
  assert.equal(wire.error, null);
  wire.destroy();
});

test("HTTP/1.0 gets an answer with a length and the end of the connection", async () => {
  const wire = await Wire.connect(server);
  await wire.write("GET /health HTTP/1.0\r\n\r\n");
  const head = await wire.response();
  assertJson(head, 200, health("hub", "none"));
  assert.equal(head.get("transfer-encoding"), undefined);
  assert.equal(head.get("content-length"), String(Buffer.byteLength(head.body)));
  await wire.untilOver();
  wire.destroy();
});

test("curl agrees: health, 404, HEAD, OPTIONS, push", async () => {
  assert.equal(await curl(`${server.url}/health`), health("hub", "none"));
  assert.equal(await curl(`${server.url}/nope`), notFound);
  const status = ["-o", "/dev/null", "-w", "%{http_code} %{size_download}"];
  assert.equal(await curl("-I", ...status, `${server.url}/api/live`), "404 0");
  assert.equal(await curl("-X", "OPTIONS", ...status, `${server.url}/any/thing`), "204 0");
  assert.equal(await curl("-d", '{"a":1}', `${server.url}/api/live/push`), '{"ok":true}');
  assert.equal(
    await curl("--http1.0", "-d", '{"a":1}', `${server.url}/api/live/push`),
    '{"ok":true}',
  );
  assert.equal(
    await curl("-H", "Transfer-Encoding: chunked", "-d", "[1]", `${server.url}/api/live/push`),
    '{"ok":true}',
  );
});
