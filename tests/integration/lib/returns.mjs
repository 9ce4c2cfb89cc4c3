// What a client goes through in clients_return.test.mjs and browser_return.test.mjs: 1,000 messages
// in order over a cut of the line, and over a restart of the hub. A kind of client has a `name`,
// `open(port)` (a client of lib/returning.mjs or with its face), and `firstEnd` where it can tell
// what it was told of a drain.
import assert from "node:assert/strict";
import { range } from "./patience.mjs";
import { Proxy } from "./proxy.mjs";
import { Publisher } from "./push.mjs";
import { startServer, withServer } from "./server.mjs";

export const streamOf = (port) => `http://127.0.0.1:${port}/api/live`;
export const socketOf = (port) => `ws://127.0.0.1:${port}/api/live/ws`;

const total = 1000;
const texts = range(total).map((n) => JSON.stringify({ n, text: `message ${n}` }));

async function pushTexts(server, from, to) {
  const publisher = new Publisher(server, { connections: 1 });
  for (const text of texts.slice(from, to)) await publisher.push(Buffer.from(text));
  publisher.close();
}

// One client of each kind, all connected.
function openAll(kinds, port) {
  return Promise.all(
    kinds.map(async (kind) => {
      const client = await kind.open(port);
      await client.untilOpen();
      return { ...kind, client };
    }),
  );
}
const haveFirst = (clients, count) =>
  Promise.all(
    clients.map(async ({ name, client }) => {
      assert.deepEqual(await client.untilMessages(count), texts.slice(0, count), name);
    }),
  );

export async function overACut(kinds) {
  await withServer({}, async (server) => {
    const proxy = await Proxy.start(server);
    const clients = await openAll(kinds, proxy.port);
    await pushTexts(server, 0, 1); // without a message a WebSocket has no position
    await haveFirst(clients, 1);
    // What is on its way when the line is cut is lost on it.
    await pushTexts(server, 1, 400);
    proxy.cut();
    await pushTexts(server, 400, 600);
    proxy.mend();
    await pushTexts(server, 600, total);
    await haveFirst(clients, total);
    for (const { name, client } of clients) {
      const { gaps, opens } = await client.told();
      assert.equal(gaps, 0, name);
      assert.ok(opens >= 2, `${name} was not cut`);
      await client.close();
    }
    await proxy.close();
  });
}

export async function overARestart(kinds) {
  const old = await startServer();
  const clients = await openAll(kinds, old.port);
  await pushTexts(old, 0, total / 2);
  await haveFirst(clients, total / 2);
  await old.stop();
  await withServer({ port: old.port }, async (server) => {
    await Promise.all(clients.map(({ client }) => client.untilGap()));
    await pushTexts(server, total / 2, total);
    await haveFirst(clients, total);
    for (const { name, client, firstEnd: expected } of clients) {
      const told = await client.told();
      assert.equal(told.gaps, 1, name);
      assert.ok(told.opens >= 2, name);
      if (expected !== undefined) assert.equal(told.firstEnd, expected, name);
      await client.close();
    }
  });
}
