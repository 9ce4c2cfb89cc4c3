// The event stream of sections 0.2 and 0.3, byte for byte.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, test } from "node:test";
import { track } from "./lib/cleanup.mjs";
import { assertCors } from "./lib/contract.mjs";
import { CurlStream, FetchStream, NpmEventSource } from "./lib/libraries.mjs";
import { Publisher, push } from "./lib/push.mjs";
import { startServer, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

const server = await startServer();
after(() => server.stop());

test("the head says what the contract says", async () => {
  const client = await SseClient.open(server);
  const { head } = client;
  assert.equal(head.status, 200);
  assert.equal(head.version, "1.1");
  assert.deepEqual(head.all("content-type"), ["text/event-stream; charset=utf-8"]);
  assert.deepEqual(head.all("cache-control"), ["no-cache, no-transform"]);
  assert.deepEqual(
    head.all("connection").map((v) => v.toLowerCase()),
    ["keep-alive"],
  );
  assert.deepEqual(head.all("x-accel-buffering"), ["no"]);
  assert.deepEqual(head.all("transfer-encoding"), ["chunked"]);
  assert.equal(head.get("content-length"), undefined);
  assert.equal(head.get("content-encoding"), undefined); // `none` is for Fly only
  assertCors(head);
  client.close();
});

test('first ": connected" at once, then a block that holds only an id', async () => {
  const client = await SseClient.open(server);
  await client.until((c) => c.blocks.length >= 2, "two blocks");
  assert.match(client.text, /^: connected\n\nid: [^\n]+\n\n/);
  assert.equal(client.messages.length, 0);
  client.close();
});

test("an event is an id and one data line, without name and retry", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  await push(server, { a: [1, "zwei", null] });
  await client.untilMessages(1);
  const block = client.blocks.at(-1);
  assert.deepEqual(
    block.raw
      .split("\n")
      .map((l) => l.split(":")[0])
      .sort(),
    ["data", "id"],
  );
  assert.equal(block.data, '{"a":[1,"zwei",null]}');
  client.close();
});

test("every event has an id of its own", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  await push(server, 1, 2, 3, 4, 5);
  await client.untilMessages(5);
  const ids = client.blocks.filter((b) => b.id !== undefined).map((b) => b.id);
  assert.equal(ids.length, 6);
  assert.equal(new Set(ids).size, 6);
  for (const id of ids) assert.match(id, /^[\x21-\x7e]{1,64}$/);
  client.close();
});

test("a query on the path is ignored", async () => {
  const client = await SseClient.open(server, { path: "/api/live?token=x&t=1" });
  await client.untilPosition();
  await push(server, "query");
  await client.untilMessage('"query"');
  client.close();
});

test("nobody is told what was pushed before they came", async () => {
  await push(server, "before");
  const client = await SseClient.open(server);
  await client.untilPosition();
  await push(server, "after");
  assert.deepEqual(await client.untilMessages(1), ['"after"']);
  client.close();
});

test("to HTTP/1.0 and `Connection: close` it goes unchunked to the end", async () => {
  const own = await startServer();
  const clients = [
    await SseClient.open(own, { version: "1.0" }),
    await SseClient.open(own, { headers: { Connection: "close" } }),
  ];
  for (const { head } of clients) {
    assert.equal(head.status, 200);
    assert.equal(head.get("transfer-encoding"), undefined);
    assert.equal(head.get("content-length"), undefined);
    assert.deepEqual(head.all("connection"), ["close"]);
  }
  await Promise.all(clients.map((client) => client.untilPosition()));
  await push(own, "one", "two");
  for (const client of clients) {
    assert.deepEqual(await client.untilMessages(2), ['"one"', '"two"']);
    assert.ok(client.text.startsWith(": connected\n\n"));
  }
  await own.stop();
  for (const client of clients) {
    await client.untilOver();
    assert.ok(client.ended && !client.cut, "a reset instead of an end");
    assert.match(client.blocks.at(-1).raw, /^retry: \d+$/);
    client.close();
  }
});

// Fly's proxy would compress a stream, and hold it back for that, where its head names no encoding.
test("on Fly the head says that the encoding is none, and clients read it", async () => {
  await withServer({ env: { FLY_APP_NAME: "hub" } }, async (own) => {
    for (const headers of [{}, { "Accept-Encoding": "gzip" }]) {
      const client = await SseClient.open(own, { headers });
      assert.deepEqual(client.head.all("content-encoding"), ["none"]);
      client.close();
    }
    const url = `${own.url}/api/live`;
    const clients = [
      ...[new NpmEventSource(url), new FetchStream(url)],
      ...[new CurlStream(url), new CurlStream(url, "--compressed")],
    ];
    await Promise.all(clients.map((client) => client.untilOpen()));
    await push(own, "plain");
    for (const client of clients) assert.deepEqual(await client.untilMessages(1), ['"plain"']);
    clients.forEach((client) => client.close());
  });
});

test("curl -N reads it", async () => {
  const curl = track(
    spawn("curl", ["-sSN", `${server.url}/api/live`], { stdio: ["ignore", "pipe", "inherit"] }),
    () => curl.kill(),
  );
  let text = "";
  const seen = (part) =>
    new Promise((resolve) => {
      const check = () => {
        if (text.includes(part)) {
          curl.stdout.off("data", check);
          resolve();
        }
      };
      curl.stdout.on("data", check);
      check();
    });
  curl.stdout.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  await seen("id: ");
  await push(server, { curl: true });
  await seen('data: {"curl":true}\n\n');
  curl.kill();
});

test("a pretty-printed or CRLF body does not break the framing", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  await push(server, Buffer.from('{\r\n  "a": 1,\r\n\r\n  "b": "x y"\r\n}\r\n'));
  await push(server, Buffer.from("[1,\n\n2]"));
  assert.deepEqual(await client.untilMessages(2), ['{"a":1,"b":"x y"}', "[1,2]"]);
  client.close();
});

test("line separators and escapes inside strings pass", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  const text = '"\u2028\u2029\u0085 \\r\\n \\u0000 \u{1F600} \\ud83d"';
  await push(server, Buffer.from(text));
  assert.deepEqual(await client.untilMessages(1), [text]);
  client.close();
});

test('": ping" comes after a while without anything, and data puts it off', async () => {
  await withServer({ env: { HEARTBEAT_SECONDS: "2" } }, async (own) => {
    const quiet = await SseClient.open(own);
    const pings = (client) => client.blocks.filter((b) => b.comments[0] === "ping");
    await quiet.until((c) => pings(c).length >= 2, "two pings");
    assert.ok(quiet.text.includes("\n\n: ping\n\n"));
    assert.equal(pings(quiet)[0].raw, ": ping");
    const publisher = new Publisher(own);
    const busy = await SseClient.open(own);
    const before = pings(quiet).length;
    // While something is sent at least every 100 ms no heartbeat is due. A machine that freezes for
    // two seconds proves nothing, so count only if we were never late.
    let late = false;
    for (let n = 0, last = Date.now(); n < 50; n++) {
      await publisher.push({ n });
      await new Promise((resolve) => setTimeout(resolve, 80));
      late ||= Date.now() - last > 1500;
      last = Date.now();
    }
    await busy.untilMessages(50);
    if (!late) assert.deepEqual([pings(busy).length, pings(quiet).length - before], [0, 0]);
    await quiet.until((c) => pings(c).length > before, "a ping after the data");
    for (const client of [quiet, busy]) client.close();
    publisher.close();
  });
});
