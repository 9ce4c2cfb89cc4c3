// Subscribe, wait for the head, push through another connection (with several shards mostly another
// shard): the message must come, every time. The head is the promise (invariant 2).
import assert from "node:assert/strict";
import { test } from "node:test";
import { inParallel, range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { full, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire } from "./lib/websocket.mjs";

const count = full ? 10_000 : 1500;

async function joinOnce(server, publisher, n) {
  const value = JSON.stringify({ join: n });
  if (n % 2 === 0) {
    const client = await SseClient.open(server);
    await publisher.push(Buffer.from(value));
    await client.untilMessage(value);
    client.close();
  } else {
    const client = await WsWire.open(server);
    await publisher.push(Buffer.from(value));
    for (;;) {
      const frame = await client.frame();
      assert.ok(frame, `closed before its message ${value}`);
      if (frame.payload.toString() === value) break;
    }
    client.destroy();
  }
}

test(
  `${count} times: who has its head gets what is pushed from then on`,
  { timeout: 600_000 },
  async () => {
    await withServer({}, async (server) => {
      const witness = await SseClient.open(server);
      await witness.untilPosition();
      const publisher = new Publisher(server, { connections: 16 });
      let done = 0;
      await inParallel(count, 16, async (n) => {
        await joinOnce(server, publisher, n);
        done++;
      });
      assert.equal(done, count);
      await witness.untilMessages(count);
      const numbers = witness.messages.map((text) => JSON.parse(text).join).sort((a, b) => a - b);
      assert.deepEqual(numbers, range(count));
      publisher.close();
      witness.close();
    });
  },
);

test("joining in the middle of a stream of pushes: no hole after the first message", async () => {
  await withServer({}, async (server) => {
    const total = 1000;
    const publisher = new Publisher(server, { connections: 1 });
    const clients = [];
    let pushing = true;
    const joining = inParallel(120, 6, async (n) => {
      if (pushing) clients.push(await (n % 2 ? SseClient : WsClient).open(server));
    });
    for (const n of range(total)) await publisher.push({ n });
    pushing = false;
    await joining;
    await publisher.push({ n: total });
    for (const client of clients) {
      await client.until((c) => c.messages.at(-1) === `{"n":${total}}`, "the last message");
      const numbers = client.messages.map((text) => JSON.parse(text).n);
      assert.deepEqual(numbers, range(total - numbers[0] + 1, numbers[0]));
      client.close();
    }
    assert.ok(clients.length > 0);
    publisher.close();
  });
});
