// What time alone brings about. The tests run side by side, since they mostly wait.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sleep } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { Wire, request } from "./lib/raw.mjs";
import { full, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsWire, opcode } from "./lib/websocket.mjs";

const long = full ? false : "make test-full";

describe("timeouts", { concurrency: true }, () => {
  for (const [name, first, drip] of [
    ["half a head and then nothing", "GET /health HTTP/1.1\r\nHost: a\r\nX-", null],
    ["a head that drips in forever", "GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: ", "x"],
  ]) {
    test(`a slow head is cut after 10 s: ${name}`, async () => {
      await withServer({}, async (server) => {
        const start = Date.now();
        const wire = await Wire.connect(server);
        await wire.write(first);
        const dripping = drip && setInterval(() => wire.write(drip), 500);
        await wire.untilOver(40_000);
        clearInterval(dripping);
        assert.ok(Date.now() - start >= 8_000, "cut although it had 10 s");
        const text = wire.bytes.toString("latin1");
        if (text) assert.match(text, /^HTTP\/1\.1 408 /);
        wire.destroy();
      });
    });
  }

  test("a slow head costs nobody else anything", async () => {
    await withServer({}, async (server) => {
      const slow = await Promise.all(Array.from({ length: 30 }, () => Wire.connect(server)));
      for (const wire of slow) await wire.write("GET / HTTP/1.1\r\nX");
      const client = await SseClient.open(server);
      await client.untilPosition();
      await push(server, "quick");
      await client.untilMessage('"quick"');
      client.close();
      await Promise.all(slow.map((wire) => wire.untilOver(40_000)));
      slow.forEach((wire) => wire.destroy());
    });
  });

  test("a kept connection with no request lives on past the head's 10 s", async () => {
    await withServer({}, async (server) => {
      const wire = await Wire.connect(server);
      await wire.write(request("GET", "/health"));
      await wire.response();
      await sleep(13_000);
      await wire.write(request("GET", "/health"));
      assert.equal((await wire.response()).status, 200);
      wire.destroy();
    });
  });

  test('": ping" after 15 s with nothing sent', async () => {
    await withServer({}, async (server) => {
      const start = Date.now();
      const client = await SseClient.open(server);
      await client.until((c) => c.text.includes(": ping\n\n"), "a ping", 60_000);
      assert.ok(Date.now() - start >= 13_000, "a ping although 15 s had not passed");
      client.close();
    });
  });

  test("a silent WebSocket is pinged after 15 s, and stays when it answers", async () => {
    await withServer({}, async (server) => {
      const start = Date.now();
      const client = await WsWire.open(server);
      const ping = await waitForPing(client);
      assert.ok(Date.now() - start >= 13_000, "a ping although 15 s had not passed");
      await client.send(opcode.pong, ping.payload);
      await push(server, "there");
      const next = await client.frame();
      assert.equal(next.payload.toString(), '"there"');
      client.destroy();
    });
  });

  for (const [name, env, skip] of [
    ["with short times", { PING_SECONDS: "1", PONG_SECONDS: "1" }, false],
    ["within 45 s by default", {}, long],
  ]) {
    test(`a WebSocket that answers no ping is freed: ${name}`, { skip }, async () => {
      await withServer({ env }, async (server) => {
        const client = await WsWire.open(server);
        await waitForPing(client);
        await client.wire.untilOver(60_000);
        client.destroy();
      });
    });
  }

  test("a WebSocket that answers its pings stays, with short times", async () => {
    await withServer({ env: { PING_SECONDS: "1", PONG_SECONDS: "2" } }, async (server) => {
      const client = await WsWire.open(server);
      for (let n = 0; n < 6; n++) {
        await client.send(opcode.pong, (await waitForPing(client)).payload);
      }
      client.destroy();
    });
  });

  test("a WebSocket that answers its pings stays for two minutes", { skip: long }, async () => {
    await withServer({}, async (server) => {
      const client = await WsWire.open(server);
      for (let n = 0; n < 4; n++)
        await client.send(opcode.pong, (await waitForPing(client)).payload);
      await push(server, "there");
      assert.equal((await client.frame()).payload.toString(), '"there"');
      client.destroy();
    });
  });

  test("a kept connection is closed after 75 s without a request", { skip: long }, async () => {
    await withServer({}, async (server) => {
      const start = Date.now();
      const wire = await Wire.connect(server);
      await wire.write(request("GET", "/health"));
      await wire.response();
      await wire.untilOver(150_000);
      assert.ok(Date.now() - start >= 70_000);
      wire.destroy();
    });
  });
});

async function waitForPing(client) {
  await client.wire.until((w) => w.bytes.length >= 2 || w.over, "a ping", 60_000);
  const frame = await client.frame();
  assert.equal(frame?.opcode, opcode.ping);
  return frame;
}
