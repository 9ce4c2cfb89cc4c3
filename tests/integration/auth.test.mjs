// Who may push, and from which pages: LIVE_PUSH_TOKEN, LIVE_PUSH_HMAC_SECRET, CORS_ORIGINS.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertCors, assertJson, health, unauthorized } from "./lib/contract.mjs";
import { Publisher, push, signature } from "./lib/push.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, refusedHandshake } from "./lib/websocket.mjs";

const post = (server, headers = {}, body = '{"a":1}') =>
  exchange(server, request("POST", "/api/live/push", headers, body));
const token = "a secret/token+==";
// A new process trusts no signature from before its start, and a clock counts in seconds.
const soon = () => Math.floor(Date.now() / 1000) + 5;

test("LIVE_PUSH_TOKEN: the scheme in any case, spaces, then exactly the token", async () => {
  await withServer({ env: { LIVE_PUSH_TOKEN: token } }, async (server) => {
    assertJson(await exchange(server, request("GET", "/health")), 200, health("hub", "bearer"));
    for (const value of [
      `Bearer ${token}`,
      `bearer ${token}`,
      `BEARER    ${token}`,
      `bEaReR  ${token}`,
    ]) {
      assertJson(await post(server, { Authorization: value }), 200, '{"ok":true}');
    }
    for (const value of [
      "Bearer",
      "Bearer ",
      token,
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(0, -1)}`,
      `Bearer ${token.toUpperCase()}`,
      `Bearer${token}`,
      `Bearer "${token}"`,
      "Bearer x".repeat(500),
    ]) {
      assertJson(await post(server, { Authorization: value }), 401, unauthorized);
    }
    assertJson(await post(server), 401, unauthorized);
  });
});

test("reading needs no token", async () => {
  await withServer({ env: { LIVE_PUSH_TOKEN: token } }, async (server) => {
    const sse = await SseClient.open(server);
    const ws = await WsClient.open(server);
    await sse.untilPosition();
    const publisher = new Publisher(server, { headers: { Authorization: `Bearer ${token}` } });
    await publisher.push("read me");
    await Promise.all([sse.untilMessage('"read me"'), ws.untilMessage('"read me"')]);
    publisher.close();
    sse.close();
    ws.close();
  });
});

test("the token is asked before the body is read, empty, bad or too big", async () => {
  await withServer({ env: { LIVE_PUSH_TOKEN: token, MAX_BODY_BYTES: "1000" } }, async (server) => {
    assertJson(await post(server, {}, ""), 401, unauthorized);
    assertJson(await post(server, {}, "{bad"), 401, unauthorized);
    assertJson(await post(server, {}, "x".repeat(5000)), 401, unauthorized);
    for (const extra of [{}, { Expect: "100-continue" }]) {
      const wire = await Wire.connect(server);
      const headers = { "Content-Length": "500", ...extra };
      await wire.write(request("POST", "/api/live/push", headers)); // and never a body
      assertJson(await wire.response(), 401, unauthorized);
      wire.destroy();
    }
  });
});

test("a client that keeps sending after its 401 still gets it", async () => {
  await withServer({ env: { LIVE_PUSH_TOKEN: token } }, async (server) => {
    const wire = await Wire.connect(server);
    await wire.write(request("POST", "/api/live/push", { "Content-Length": "200000" }));
    for (let n = 0; n < 20; n++) await wire.write("z".repeat(10_000));
    assertJson(await wire.response(), 401, unauthorized);
    assert.equal(wire.error, null);
    wire.destroy();
  });
});

test("without a token the endpoint is open and a warning says so", async () => {
  await withServer({}, async (server) => {
    assertJson(await post(server), 200, '{"ok":true}');
    assertJson(await post(server, { Authorization: "Bearer whatever" }), 200, '{"ok":true}');
    await server.until(
      (s) => /LIVE_PUSH_TOKEN/.test(s.stdout + s.stderr),
      "a warning about the open endpoint",
    );
  });
});

test("LIVE_PUSH_HMAC_SECRET: a signed push passes once", async () => {
  await withServer({ env: { LIVE_PUSH_HMAC_SECRET: "shh" } }, async (server) => {
    const client = await SseClient.open(server);
    await client.untilPosition();
    const body = '{ "signed": true }';
    const headers = signature("shh", body, soon());
    assertJson(await post(server, headers, body), 200, '{"ok":true}');
    assertJson(await post(server, headers, body), 401); // replayed
    assertJson(await post(server, signature("shh", body, soon() + 7), body), 200, '{"ok":true}');
    assert.deepEqual(await client.untilMessages(2), ['{"signed":true}', '{"signed":true}']);
    client.close();
  });
});

test("what is not signed rightly is 401: other secret, body, time, form", async () => {
  await withServer({ env: { LIVE_PUSH_HMAC_SECRET: "shh" } }, async (server) => {
    const now = soon();
    const good = signature("shh", '{"a":1}', now);
    const client = await SseClient.open(server);
    await client.untilPosition();
    const wrong = [
      {},
      { "X-Timestamp": good["X-Timestamp"] },
      { "X-Signature": good["X-Signature"] },
      signature("other", '{"a":1}', now),
      signature("shh", '{"a":2}', now),
      signature("shh", '{"a":1}', now - 400),
      signature("shh", '{"a":1}', now + 400),
      { ...good, "X-Timestamp": String(now + 1) },
      { ...good, "X-Timestamp": "yesterday" },
      { ...good, "X-Timestamp": `${now}.0` },
      { ...good, "X-Signature": good["X-Signature"].slice(7) },
      { ...good, "X-Signature": good["X-Signature"].slice(0, -2) },
      { ...good, "X-Signature": "sha256=" },
      { ...good, "X-Signature": good["X-Signature"].replace("sha256", "sha1") },
      { Authorization: "Bearer shh" },
    ];
    for (const headers of wrong) assertJson(await post(server, headers), 401);
    assertJson(await post(server, good), 200, '{"ok":true}'); // none of them used it up
    assert.deepEqual(await client.untilMessages(1), ['{"a":1}']);
    client.close();
  });
});

test("missing and stale signatures are refused before the body", async () => {
  await withServer({ env: { LIVE_PUSH_HMAC_SECRET: "shh" } }, async (server) => {
    for (const signed of [{}, signature("shh", "x", soon() - 1000)]) {
      const wire = await Wire.connect(server);
      await wire.write(request("POST", "/api/live/push", { "Content-Length": "500", ...signed }));
      assertJson(await wire.response(), 401);
      wire.destroy();
    }
  });
});

test("the signature is over the bytes as they came, chunked or not UTF-8", async () => {
  await withServer({ env: { LIVE_PUSH_HMAC_SECRET: "shh" } }, async (server) => {
    const body = Buffer.from([0x22, 0xff, 0x22]);
    const publisher = new Publisher(server);
    await publisher.push(body, signature("shh", body, soon()));
    publisher.close();
    const chunked = request("POST", "/api/live/push", {
      "Transfer-Encoding": "chunked",
      ...signature("shh", "[1, 2]", soon()),
    });
    assertJson(
      await exchange(server, `${chunked}2\r\n[1\r\n4\r\n, 2]\r\n0\r\n\r\n`),
      200,
      '{"ok":true}',
    );
  });
});

test("token and signature both set: both are required", async () => {
  await withServer(
    { env: { LIVE_PUSH_HMAC_SECRET: "shh", LIVE_PUSH_TOKEN: token } },
    async (server) => {
      const bearer = { Authorization: `Bearer ${token}` };
      const signed = () => signature("shh", '{"a":1}', soon());
      assertJson(await post(server, bearer), 401);
      assertJson(await post(server, signed()), 401);
      assertJson(await post(server, { ...signed(), ...bearer }), 200, '{"ok":true}');
    },
  );
});

test("CORS_ORIGINS: only listed pages stream, upgrade and push", async () => {
  const env = { CORS_ORIGINS: "https://a.test, http://localhost:3000" };
  await withServer({ env }, async (server) => {
    for (const Origin of ["https://a.test", "http://localhost:3000"]) {
      const sse = await SseClient.open(server, { headers: { Origin } });
      assert.equal(sse.head.status, 200);
      assertCors(sse.head, Origin);
      const ws = await WsClient.open(server, { headers: { Origin } });
      const answer = await post(server, { Origin });
      assert.equal(answer.status, 200);
      assertCors(answer, Origin);
      await ws.untilMessage('{"a":1}');
      sse.close();
      ws.close();
    }
    for (const Origin of [
      "https://b.test",
      "http://a.test",
      "https://a.test:8443",
      "https://a.test.evil.test",
      "null",
      "https://xa.test",
      "http://localhost",
    ]) {
      const stream = await exchange(server, request("GET", "/api/live", { Origin }));
      assert.equal(stream.status, 403, Origin);
      assert.notEqual(stream.get("access-control-allow-origin"), Origin);
      assert.notEqual(stream.get("access-control-allow-origin"), "*");
      assert.equal((await refusedHandshake(server, { headers: { Origin } })).status, 403, Origin);
      assert.equal((await post(server, { Origin })).status, 403, Origin);
    }
  });
});

test("CORS_ORIGINS concerns browsers only: without an Origin all is open", async () => {
  await withServer({ env: { CORS_ORIGINS: "https://a.test" } }, async (server) => {
    const sse = await SseClient.open(server);
    const ws = await WsClient.open(server);
    await sse.untilPosition();
    await push(server, "curl");
    await Promise.all([sse.untilMessage('"curl"'), ws.untilMessage('"curl"')]);
    sse.close();
    ws.close();
  });
});
