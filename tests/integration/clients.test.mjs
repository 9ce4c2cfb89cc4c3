// Real clients, many at once: everyone gets everything, in one order. (That they come back and go
// on where they were: clients_return.test.mjs.)
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CurlStream,
  FetchStream,
  NpmEventSource,
  PythonWebSockets,
  UndiciWebSocket,
} from "./lib/libraries.mjs";
import { range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

test("50 SSE and 50 WebSocket clients of all kinds each get 200 messages in order", async () => {
  await withServer({}, async (server) => {
    const count = 200;
    const stream = `${server.url}/api/live`;
    const strict = await Promise.all(range(14).map(() => SseClient.open(server)));
    const sockets = await Promise.all(range(20).map(() => WsClient.open(server)));
    const python = new PythonWebSockets(server.wsUrl, 15, count);
    const others = [
      ...range(20).map(() => new NpmEventSource(stream)),
      ...range(15).map(() => new FetchStream(stream)),
      new CurlStream(stream),
      ...range(15).map(() => new UndiciWebSocket(server.wsUrl)),
    ];
    await Promise.all([
      ...strict.map((c) => c.untilPosition()),
      ...others.map((c) => c.untilOpen()),
      python.untilOpen(),
    ]);
    const publisher = new Publisher(server);
    const expected = range(count).map((n) => JSON.stringify({ n, text: `message ${n}` }));
    for (const body of expected) await publisher.push(Buffer.from(body));
    for (const client of [...strict, ...sockets, ...others]) {
      await client.untilMessages(count);
      assert.deepEqual(client.messages, expected, client.constructor.name);
    }
    const results = await python.untilResults();
    assert.equal(results.length, 15);
    for (const { messages } of results) assert.deepEqual(messages, expected, "Python websockets");
    for (const client of [...strict, ...sockets, ...others, python, publisher]) client.close();
  });
});

test("with many publishers at once every client sees one and the same order", async () => {
  await withServer({}, async (server) => {
    const sse = await Promise.all(range(20).map(() => SseClient.open(server)));
    const ws = await Promise.all(range(20).map(() => WsClient.open(server)));
    await Promise.all(sse.map((c) => c.untilPosition()));
    const perLane = 60;
    const lanes = range(8);
    await Promise.all(
      lanes.map(async (lane) => {
        const publisher = new Publisher(server, { connections: 1 });
        for (const n of range(perLane)) await publisher.push({ lane, n });
        publisher.close();
      }),
    );
    const total = perLane * lanes.length;
    for (const client of [...sse, ...ws]) await client.untilMessages(total);
    const [{ messages: order }] = sse;
    for (const client of [...sse, ...ws]) assert.deepEqual(client.messages, order);
    for (const lane of lanes) {
      // an answered push is before the next one of the same publisher
      const own = order
        .map((text) => JSON.parse(text))
        .filter((m) => m.lane === lane)
        .map((m) => m.n);
      assert.deepEqual(own, range(perLane));
    }
    for (const client of [...sse, ...ws]) client.close();
  });
});

test("messages of all sizes arrive whole, in both encodings", async () => {
  await withServer({}, async (server) => {
    const sse = await Promise.all(range(5).map(() => SseClient.open(server)));
    const ws = await Promise.all(range(5).map(() => WsClient.open(server)));
    await Promise.all(sse.map((c) => c.untilPosition()));
    const publisher = new Publisher(server);
    const sizes = [
      0, 1, 100, 125, 126, 4095, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 100_000, 250_000,
    ];
    const expected = [...sizes, ...(sizes.toReversed?.() ?? [...sizes].reverse())].map((size, i) =>
      JSON.stringify(String.fromCharCode(97 + (i % 26)).repeat(size)),
    );
    for (const body of expected) await publisher.push(Buffer.from(body));
    for (const client of [...sse, ...ws]) {
      await client.untilMessages(expected.length);
      assert.ok(
        client.messages.every((text, i) => text === expected[i]),
        "a message was changed",
      );
      client.close();
    }
    publisher.close();
  });
});
