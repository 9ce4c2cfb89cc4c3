// Compression: permessage-deflate on WebSockets (RFC 7692) and gzip on event streams, with the
// clients that people have; and that nothing of it happens unless it is asked for.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import zlib from "node:zlib";
import WebSocket from "ws";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { track } from "./lib/cleanup.mjs";
import {
  CurlStream,
  FetchStream,
  NpmEventSource,
  PythonWebSockets,
  UndiciWebSocket,
} from "./lib/libraries.mjs";
import { metricsText, sumOf } from "./lib/metrics.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Publisher, push } from "./lib/push.mjs";
import { Wire } from "./lib/raw.mjs";
import { shards, startServer, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire, closePayload, frame, opcode, upgradeRequest } from "./lib/websocket.mjs";

const deflateOffer = { "Sec-WebSocket-Extensions": "permessage-deflate" };
const words = (bytes, n = 0) =>
  `{"n":${n},"text":"`.padEnd(bytes - 2, "a wheel within a wheel, ") + '"}';
// A receiver's side of RFC 7692 7.2.2.
const inflated = (payload) =>
  zlib.inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: zlib.constants.Z_SYNC_FLUSH,
  });
const deflated = (data) =>
  zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);

async function metrics(server) {
  const text = await metricsText(server);
  return (name) => sumOf(text, `livehub_${name}`);
}

describe("WebSocket", () => {
  let server;
  before(async () => {
    server = await startServer({ env: { COMPRESSION: "websocket", LIVEHUB_ECHO: "1" } });
  });
  after(() => server.stop());

  const open = (headers = deflateOffer, path) => WsWire.open(server, { path, headers });

  test("what is offered is answered as RFC 7692 has it", async () => {
    const answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (const [offer, expected] of [
      ["permessage-deflate; client_max_window_bits", answer],
      ["permessage-deflate; server_max_window_bits=15", `${answer}; server_max_window_bits=15`],
      ["permessage-deflate; server_max_window_bits=10, permessage-deflate", answer],
      ["permessage-deflate; server_max_window_bits=10", undefined],
      ["permessage-deflate; mystery", undefined],
      ["x-webkit-deflate-frame", undefined],
    ]) {
      const client = await open({ "Sec-WebSocket-Extensions": offer });
      assert.equal(client.head.get("sec-websocket-extensions"), expected, offer);
      client.destroy();
    }
    const plain = await open({});
    assert.equal(plain.head.get("sec-websocket-extensions"), undefined);
    plain.destroy();
  });

  test("an offer that breaks the grammar is 400", async () => {
    const wire = await Wire.connect(server);
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits=" };
    await wire.write(upgradeRequest("/api/live/ws", headers));
    assert.equal((await wire.response()).status, 400);
    wire.destroy();
  });

  test("from 256 bytes on messages are compressed, and each one alone", async () => {
    const client = await open();
    const plain = await open({});
    for (const size of [255, 256, 1000, 70_000, 250_000]) {
      const text = words(size, size);
      await push(server, Buffer.from(text));
      const next = await client.frame();
      assert.deepEqual([next.fin, next.opcode], [true, opcode.text]);
      assert.equal(next.reserved, size < 256 ? 0 : 4, `${size} bytes`);
      const payload = size < 256 ? next.payload : inflated(next.payload);
      assert.equal(payload.toString(), text);
      if (size >= 1000) assert.ok(next.payload.length < size / 4, `${next.payload.length} bytes`);
      const other = await plain.frame();
      assert.deepEqual([other.reserved, other.payload.toString()], [0, text]);
    }
    client.destroy();
    plain.destroy();
  });

  test("envelopes are compressed around the same message", async () => {
    const path = "/api/live/ws?last_event_id=";
    const client = await open(deflateOffer, path);
    const plain = await open({}, path);
    await push(server, Buffer.from(words(1000, 1)));
    const plainText = (await plain.frame()).payload.toString();
    const next = await client.frame();
    assert.equal(next.reserved, 4);
    assert.equal(inflated(next.payload).toString(), plainText);
    assert.deepEqual(JSON.parse(plainText).data, JSON.parse(words(1000, 1)));
    client.destroy();
    plain.destroy();
  });

  test("what one client missed is replayed plain, and then it goes on compressed", async () => {
    await withServer({ env: { COMPRESSION: "websocket" } }, async (own) => {
      const resume = (id) =>
        WsWire.open(own, { path: `/api/live/ws?last_event_id=${id}`, headers: deflateOffer });
      const first = await resume("");
      await push(own, Buffer.from(words(500, 1)));
      const { id } = JSON.parse(inflated((await first.frame()).payload).toString());
      first.destroy();
      const gone = async () => (await metrics(own))("subscriptions") === 0;
      await eventually(gone, "the first one's end");
      for (const n of range(20, 2)) await push(own, Buffer.from(words(500, n)));
      const again = await resume(id);
      for (const n of range(20, 2)) {
        const { reserved, payload } = await again.frame();
        assert.equal(reserved, 0);
        assert.equal(JSON.parse(payload.toString()).data.n, n);
      }
      await push(own, Buffer.from(words(500, 22)));
      const { reserved, payload } = await again.frame();
      assert.equal(reserved, 4);
      assert.equal(JSON.parse(inflated(payload).toString()).data.n, 22);
      assert.equal((await metrics(own))("compressions_total"), 2);
      again.destroy();
    });
  });

  test("100 subscribers, compressed and plain: one compression a message and shard", async () => {
    await withServer({ env: { COMPRESSION: "websocket" } }, async (own) => {
      const deflating = range(40).map(() => WsClient.open(own));
      const enveloped = range(20).map(() => WsClient.open(own, { query: "?last_event_id=" }));
      const clients = await Promise.all([...deflating, ...enveloped]);
      for (const { socket } of clients) assert.match(socket.extensions, /permessage-deflate/);
      const sockets = range(40).map(() => {
        const socket = new WebSocket(own.wsUrl, { perMessageDeflate: false });
        return track(socket, () => socket.terminate());
      });
      const plain = sockets.map(() => []);
      sockets.forEach((socket, i) => {
        socket.on("message", (data) => plain[i].push(data.toString()));
      });
      const isOpen = (socket) => socket.readyState === WebSocket.OPEN;
      await eventually(() => sockets.every(isOpen), "the plain ones");
      const publisher = new Publisher(own);
      const expected = range(50).map((n) => words(600, n));
      for (const text of expected) await publisher.push(Buffer.from(text));
      for (const client of clients) {
        await client.untilMessages(50);
        const texts = client.messages.map((text) =>
          text.startsWith('{"id"') ? JSON.stringify(JSON.parse(text).data) : text,
        );
        assert.deepEqual(texts, expected);
      }
      await eventually(() => plain.every((list) => list.length === 50), "the plain messages");
      for (const list of plain) assert.deepEqual(list, expected);
      const of = await metrics(own);
      const count = of("compressions_total");
      assert.ok(count >= 50 && count <= 50 * shards, `${count} times`);
      assert.equal(of("compressed_from_bytes_total"), 600 * count);
      assert.ok(of("compressed_to_bytes_total") < count * 200);
      assert.equal(of("compressed_streams_total"), 60);
      publisher.close();
      clients.forEach((client) => client.close());
    });
  });

  const { text, binary, continuation, ping, close } = opcode;
  const compressed = { reserved: 4 };

  test("the echo reads compressed messages and writes them", async () => {
    const client = await open(deflateOffer, "/echo");
    for (const data of ["", "small", words(300), words(200_000)]) {
      await client.send(text, deflated(Buffer.from(data)), compressed);
      const next = await client.frame();
      assert.equal(next.reserved, data.length < 256 ? 0 : 4);
      const back = next.reserved ? inflated(next.payload) : next.payload;
      assert.equal(back.toString(), data);
    }
    const noise = (n) => createHash("sha512").update(`noise ${n}`).digest();
    const bytes = Buffer.concat(range(20).map(noise));
    await client.send(binary, bytes);
    const next = await client.frame();
    assert.equal(next.reserved, 0, "what would not be smaller goes plain");
    assert.deepEqual(next.payload, bytes);
    const squeezed = deflated(Buffer.from(words(1000)));
    await client.send(text, squeezed.subarray(0, 5), { fin: false, reserved: 4 });
    await client.send(ping, "between");
    assert.equal((await client.frame()).payload.toString(), "between");
    await client.send(continuation, squeezed.subarray(5));
    assert.equal(inflated((await client.frame()).payload).toString(), words(1000));
    client.destroy();
  });

  const inTwo = async (client) => {
    await client.send(text, "", { fin: false, reserved: 4 });
    await client.send(continuation, "", compressed);
  };
  const squeezed = (data) => [text, deflated(data), compressed];
  for (const [name, code, frames, headers] of [
    ["a compressed frame without agreement", 1002, [text, "", compressed], {}],
    ["a compressed ping", 1002, [ping, "", compressed]],
    ["a compressed close", 1002, [close, closePayload(1000), compressed]],
    ["a continuation with RSV1", 1002, inTwo],
    ["another reserved bit", 1002, [text, "", { reserved: 6 }]],
    ["what is not DEFLATE", 1007, [text, Buffer.alloc(9, 0xff), compressed]],
    ["half a message", 1007, [text, deflated(words(500)).subarray(0, 20), compressed]],
    ["compressed text that is not UTF-8", 1007, squeezed(Buffer.from([0xc3, 0x28]))],
    ["a bomb", 1009, squeezed(Buffer.alloc(16 << 20))],
  ]) {
    const send = Array.isArray(frames) ? (client) => client.send(...frames) : frames;
    test(`${code} for ${name}`, async () => {
      const client = await open(headers ?? deflateOffer);
      await send(client);
      assert.equal((await client.closeFrame())?.code, code);
      await client.wire.untilOver();
      client.destroy();
    });
  }

  test("bombs from many harm nobody else, and are forgotten", async () => {
    const other = await WsClient.open(server);
    const bomb = deflated(Buffer.alloc(16 << 20));
    await Promise.all(
      range(30).map(async () => {
        const client = await open();
        await client.send(binary, bomb, compressed);
        assert.equal((await client.closeFrame())?.code, 1009);
        client.destroy();
      }),
    );
    await push(server, Buffer.from(words(400)));
    await other.untilMessage(words(400));
    other.close();
  });

  // 60 MB out of 300 KB: in a turn of the loop it is 64 KB and a message more, twice.
  test("a few bytes that become many wait for their turn, in order", async () => {
    await withServer({ env: { COMPRESSION: "websocket", LIVEHUB_ECHO: "1" } }, async (own) => {
      const client = await WsWire.open(own, { path: "/echo", headers: deflateOffer });
      const before = (await metrics(own))("loop_turns_total");
      const texts = range(1000).map((n) => words(60_000, n));
      const frames = texts.map((data) => frame(text, deflated(data), compressed));
      await client.wire.write(Buffer.concat([...frames, frame(ping, "behind them")]));
      for (const data of texts) {
        const { payload } = await client.frame();
        assert.ok(inflated(payload).toString() === data, `not ${data.slice(0, 10)}`);
      }
      assert.equal((await client.frame()).payload.toString(), "behind them");
      const turns = (await metrics(own))("loop_turns_total") - before;
      assert.ok(turns >= 200, `${turns} turns`);
      client.destroy();
    });
  });

  test("fragments of many connections at once are kept apart", async () => {
    const clients = await Promise.all(range(20).map(() => open(deflateOffer, "/echo")));
    const parts = clients.map((_, n) => deflated(words(5000 + n, n)));
    for (const [n, client] of clients.entries())
      await client.send(text, parts[n].subarray(0, 30), { fin: false, reserved: 4 });
    for (const [n, client] of clients.entries())
      await client.send(continuation, parts[n].subarray(30));
    for (const [n, client] of clients.entries()) {
      assert.equal(inflated((await client.frame()).payload).toString(), words(5000 + n, n));
      client.destroy();
    }
  });

  test("the libraries' WebSockets get every message", async () => {
    const python = new PythonWebSockets(server.wsUrl, 5, 100);
    const undici = new UndiciWebSocket(server.wsUrl);
    await Promise.all([python.untilOpen(), undici.untilOpen()]);
    const expected = range(100).map((n) => words(100 + 20 * n, n));
    const publisher = new Publisher(server);
    for (const body of expected) await publisher.push(Buffer.from(body));
    await undici.untilMessages(100);
    assert.deepEqual(undici.messages, expected);
    for (const { messages } of await python.untilResults()) assert.deepEqual(messages, expected);
    for (const client of [python, undici, publisher]) client.close();
  });
});

describe("event streams", () => {
  let server;
  before(async () => {
    server = await startServer({ env: { COMPRESSION: "on", HEARTBEAT_SECONDS: "1" } });
  });
  after(() => server.stop());

  const gzip = { "Accept-Encoding": "gzip, deflate" };
  const open = (headers = gzip, more = {}) => SseClient.open(server, { headers, ...more });

  test("who accepts gzip gets it, and who does not gets the same plain", async () => {
    const zipped = await open();
    const plain = await open({});
    await Promise.all([zipped.untilPosition(), plain.untilPosition()]);
    assert.equal(zipped.head.get("content-encoding"), "gzip");
    assert.equal(plain.head.get("content-encoding"), undefined);
    for (const client of [zipped, plain]) assert.match(client.head.get("vary"), /Accept-Encoding/);
    const before = plain.bodyBytes;
    const sizes = [20, 255, 256, 1000, 70_000, 250_000];
    for (const size of sizes) await push(server, Buffer.from(words(size)));
    for (const client of [zipped, plain]) {
      await client.untilMessages(sizes.length);
      assert.deepEqual(client.messages, sizes.map((size) => words(size)));
    }
    assert.ok(plain.bodyBytes - before > 300_000 && zipped.bodyBytes < 30_000);
    await zipped.until((c) => c.blocks.some((b) => b.comments.includes("ping")), "a heartbeat");
    zipped.close();
    plain.close();
  });

  test("no gzip over HTTP/1.0, with a connection that closes, or at weight 0", async () => {
    for (const client of [
      await open(gzip, { version: "1.0" }),
      await open({ ...gzip, Connection: "close" }),
      await open({ "Accept-Encoding": "gzip;q=0, *" }),
    ]) {
      assert.equal(client.head.get("content-encoding"), undefined);
      await client.untilPosition();
      client.close();
    }
  });

  test("it resumes where it was, and is told of a gap", async () => {
    const first = await open();
    await first.untilPosition();
    await push(server, Buffer.from(words(500, 1)));
    await first.untilMessages(1);
    first.close();
    for (const n of range(20, 2)) await push(server, Buffer.from(words(500, n)));
    const again = await open({ ...gzip, "Last-Event-ID": first.lastId });
    await again.untilMessages(20);
    assert.deepEqual(again.messages, range(20, 2).map((n) => words(500, n)));
    again.close();
    const stranger = await open({ ...gzip, "Last-Event-ID": "0123456789abcdef-1" });
    await stranger.until((c) => c.gaps.length === 1, "the gap");
    stranger.close();
  });

  test("the libraries' streams get every message, and all share one compression", async () => {
    await withServer({ env: { COMPRESSION: "on" } }, async (own) => {
      const stream = `${own.url}/api/live`;
      const clients = [
        ...range(5).map(() => new NpmEventSource(stream)),
        ...range(5).map(() => new FetchStream(stream)),
        new CurlStream(stream, "--compressed"),
        new CurlStream(stream),
        new UndiciWebSocket(own.wsUrl),
      ];
      const strict = await SseClient.open(own, { headers: gzip });
      await Promise.all([strict.untilPosition(), ...clients.map((c) => c.untilOpen())]);
      const expected = range(100).map((n) => words(100 + 20 * n, n));
      const publisher = new Publisher(own);
      for (const body of expected) await publisher.push(Buffer.from(body));
      for (const client of [strict, ...clients]) {
        await client.untilMessages(100);
        assert.deepEqual(client.messages, expected, client.constructor.name);
      }
      const of = await metrics(own);
      const large = expected.filter((text) => text.length >= 256).length;
      const count = of("compressions_total");
      assert.ok(count >= large && count <= large * shards, `${count} times`);
      assert.equal(of("compressed_streams_total"), 13);
      for (const client of [strict, ...clients, publisher]) client.close();
    });
  });

  test("a drain ends the stream with retry, readable to its end", async () => {
    const own = await startServer({ env: { COMPRESSION: "on" } });
    const client = await SseClient.open(own, { headers: gzip });
    await client.untilPosition();
    const curl = new CurlStream(`${own.url}/api/live`, "--compressed");
    await curl.untilOpen();
    const over = new Promise((resolve) => curl.child.on("close", resolve));
    await push(own, Buffer.from(words(1000)));
    await client.untilMessages(1);
    await own.stop();
    await client.untilOver();
    assert.equal(client.ended, true);
    await client.until((c) => c.blocks.some((b) => b.retry), "the retry time");
    assert.equal(client.failed, null);
    assert.equal(await over, 0, "curl takes the end for an end");
    assert.match(curl.output, /^retry: \d+$/m);
    client.close();
  });

  test("on Fly a stream is marked as none, for its proxy, and never gzip", async () => {
    await withServer({ env: { COMPRESSION: "on", FLY_APP_NAME: "hub" } }, async (own) => {
      const client = await SseClient.open(own, { headers: gzip });
      assert.equal(client.head.get("content-encoding"), "none");
      await client.untilPosition();
      client.close();
    });
  });

  test("websocket alone leaves event streams as they are", async () => {
    await withServer({ env: { COMPRESSION: "websocket" } }, async (own) => {
      const client = await SseClient.open(own, { headers: gzip });
      assert.equal(client.head.get("content-encoding"), undefined);
      client.close();
    });
  });
});

test("off is off: no extension, no gzip, not even where clients would take it", async () => {
  await withServer({}, async (server) => {
    const client = await WsWire.open(server, { headers: deflateOffer });
    assert.equal(client.head.get("sec-websocket-extensions"), undefined);
    await client.send(opcode.text, deflated("x"), { reserved: 4 });
    assert.equal((await client.closeFrame()).code, 1002);
    client.destroy();
    const stream = await SseClient.open(server, { headers: { "Accept-Encoding": "gzip" } });
    assert.equal(stream.head.get("content-encoding"), undefined);
    assert.equal(stream.head.get("vary")?.includes("Encoding") ?? false, false);
    stream.close();
  });
});

describe("Chromium", { skip: haveChromium ? false : "no Chromium on this machine" }, () => {
  let browser;
  before(async () => {
    browser = await Browser.start();
  });
  after(() => browser?.close());

  test("its WebSocket agrees to permessage-deflate and gets every message", async () => {
    await withServer({ env: { COMPRESSION: "websocket" } }, async (server) => {
      const tab = await browser.open();
      await tab.evaluate((url) => openSocket(url), server.wsUrl);
      assert.match(await tab.evaluate(() => socket.extensions), /permessage-deflate/);
      const expected = range(100).map((n) => words(100 + 20 * n, n));
      await push(server, ...expected.map((text) => Buffer.from(text)));
      await tab.waitForFunction(() => seen.ws.length >= 100, { timeout: 90_000, polling: 50 });
      assert.deepEqual(await tab.evaluate(() => seen.ws), expected);
      // What it sends is compressed too.
      await tab.evaluate((data) => socket.send(data), words(3000));
      const read = async () => (await metrics(server))("websocket_compressed_in_total") === 1;
      await eventually(read, "its message");
      await tab.close();
    });
  });

  test("its EventSource reads gzip as it comes, and comes back after the end", async () => {
    const env = { COMPRESSION: "on" };
    const server = await startServer({ env });
    const tab = await browser.open();
    await tab.evaluate((url) => openStream(url), `${server.url}/api/live`);
    const until = (condition, ...args) =>
      tab.waitForFunction(condition, { timeout: 90_000, polling: 50 }, ...args);
    await until(() => seen.opens === 1);
    const encoding = async () => (await metrics(server))("compressed_streams_total") === 1;
    await eventually(encoding, "that it accepted gzip");
    const expected = range(100).map((n) => words(100 + 20 * n, n));
    for (const [n, text] of expected.entries()) {
      await push(server, Buffer.from(text));
      // Nothing is held back until more comes.
      if (n % 10 === 0) await until((count) => seen.sse.length === count, n + 1);
    }
    await until(() => seen.sse.length >= 100);
    assert.deepEqual(await tab.evaluate(() => seen.sse), expected);
    assert.equal(await tab.evaluate(() => seen.errors), 0);
    await server.stop();
    await until(() => seen.errors >= 1);
    const next = await startServer({ env, port: server.port });
    await until(() => seen.opens === 2);
    await push(next, Buffer.from(words(2000, 100)));
    await until(() => seen.sse.length === 101);
    assert.equal(await tab.evaluate(() => seen.sse.at(-1)), words(2000, 100));
    await tab.close();
    await next.stop();
  });
});
