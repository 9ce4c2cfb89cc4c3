// Every kind of client that people have: 1,000 messages in order over a cut of the line, and over a
// restart of the hub. Who can come back by itself does; the others as their users would write it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { range } from "./lib/patience.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { Publisher } from "./lib/push.mjs";
import {
  CurlLoop,
  FetchLoop,
  NpmReturning,
  PythonLoop,
  Reconnecting,
  UndiciLoop,
  WsLoop,
} from "./lib/returning.mjs";
import { openTabSocket, openTabStream } from "./lib/returning_tabs.mjs";
import { startServer, withServer } from "./lib/server.mjs";

const stream = (port) => `http://127.0.0.1:${port}/api/live`;
const socket = (port) => `ws://127.0.0.1:${port}/api/live/ws`;

// What a client that can tell is told of a drain: its close code; curl's exit code.
const firstEnd = 1012;
const kinds = [
  { name: "curl", open: (port) => new CurlLoop(stream(port)), firstEnd: 0 },
  { name: "undici fetch", open: (port) => new FetchLoop(stream(port)), firstEnd: "clean" },
  { name: "npm eventsource", open: (port) => new NpmReturning(stream(port)) },
  { name: "npm ws", open: (port) => new WsLoop(socket(port)), firstEnd },
  { name: "undici WebSocket", open: (port) => new UndiciLoop(socket(port)), firstEnd },
  { name: "reconnecting-websocket", open: (port) => new Reconnecting(socket(port)), firstEnd },
  { name: "Python websockets", open: (port) => new PythonLoop(socket(port)), firstEnd },
];
const kindsOf = (browser) => [
  { name: "Chromium EventSource", open: (port) => openTabStream(browser, stream(port)) },
  { name: "Chromium WebSocket", open: (port) => openTabSocket(browser, socket(port)), firstEnd },
];

const total = 1000;
const texts = range(total).map((n) => JSON.stringify({ n, text: `message ${n}` }));

async function pushTexts(server, from, to) {
  const publisher = new Publisher(server, { connections: 1 });
  for (const text of texts.slice(from, to)) await publisher.push(Buffer.from(text));
  publisher.close();
}

// One client of each kind, all connected.
function openAll(all, port) {
  return Promise.all(
    all.map(async (kind) => {
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

async function overACut(all) {
  await withServer({}, async (server) => {
    const proxy = await Proxy.start(server);
    const clients = await openAll(all, proxy.port);
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

async function overARestart(all) {
  const old = await startServer();
  const clients = await openAll(all, old.port);
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

const skip = haveChromium ? false : "no Chromium on this machine";

describe("1,000 messages in order", { concurrency: 4 }, () => {
  test("over a cut: nothing is lost, and no gap told", () => overACut(kinds));
  test("over a restart: the end is told, then the gap", () => overARestart(kinds));

  describe("Chromium", { concurrency: 4, skip }, () => {
    let all;
    let browser;
    before(async () => {
      browser = await Browser.start();
      all = kindsOf(browser);
    });
    after(() => browser?.close());

    test("over a cut: nothing is lost, and no gap told", () => overACut(all));
    test("over a restart: the end is told, then the gap", () => overARestart(all));
  });
});
