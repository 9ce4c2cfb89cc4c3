// An unmodified browser: EventSource and WebSocket of Chromium, from a page of another origin. Cuts
// and restarts under 1,000 messages: browser_return.test.mjs.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { range, sleep } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { withServer } from "./lib/server.mjs";

const timeout = 90_000;
const values = (count, from = 0) => range(count, from).map((n) => JSON.stringify({ n }));
const pushValues = async (publisher, count, from = 0) => {
  for (const n of range(count, from)) await publisher.push({ n });
};
const until = (tab, condition, ...args) =>
  tab.waitForFunction(condition, { timeout, polling: 50 }, ...args);

describe("Chromium", { skip: haveChromium ? false : "no Chromium on this machine" }, () => {
  let browser;
  before(async () => {
    browser = await Browser.start();
  });
  after(() => browser?.close());

  // A page with an open stream, and a socket where `socketUrl` is given.
  async function page(streamUrl, socketUrl) {
    const tab = await browser.open();
    await tab.evaluate((url) => openStream(url), streamUrl);
    await until(tab, () => seen.opens === 1);
    if (socketUrl) await tab.evaluate((url) => openSocket(url), socketUrl);
    return tab;
  }

  test("EventSource and WebSocket of one page: in order, an id each, a clean close", async () => {
    await withServer({}, async (server) => {
      const tab = await page(`${server.url}/api/live`, server.wsUrl);
      const publisher = new Publisher(server);
      await pushValues(publisher, 20);
      await until(tab, () => seen.sse.length >= 20 && seen.ws.length >= 20);
      const seen = await tab.evaluate(() => window.seen);
      assert.deepEqual(seen.sse, values(20));
      assert.deepEqual(seen.ws, values(20));
      assert.equal(new Set(seen.ids).size, 20);
      assert.equal(seen.errors, 0);
      await tab.evaluate(() => socket.close(1000, "client disconnect"));
      await until(tab, () => window.seen.wsCloses.length === 1);
      assert.deepEqual(await tab.evaluate(() => window.seen.wsCloses), [
        { code: 1000, clean: true },
      ]);
      await tab.close();
      publisher.close();
    });
  });

  test("a page may push from another origin, with a token", async () => {
    await withServer({ env: { LIVE_PUSH_TOKEN: "deck" } }, async (server) => {
      const tab = await page(`${server.url}/api/live`);
      const pushed = await tab.evaluate(async (url) => {
        const answer = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: "Bearer deck" },
          body: JSON.stringify({ type: "presence" }),
        });
        return { status: answer.status, body: await answer.text() };
      }, `${server.url}/api/live/push`);
      assert.deepEqual(pushed, { status: 200, body: '{"ok":true}' });
      await until(tab, () => seen.sse.length >= 1);
      assert.deepEqual(await tab.evaluate(() => seen.sse), ['{"type":"presence"}']);
      await tab.close();
    });
  });

  test("EventSource misses nothing over a cut before the first message", async () => {
    await withServer({}, async (server) => {
      const proxy = await Proxy.start(server);
      const tab = await page(`http://127.0.0.1:${proxy.port}/api/live`);
      // `onopen` fires at the head; a page cannot see that the block with only an id has come.
      await sleep(500);
      proxy.cut();
      const publisher = new Publisher(server);
      await pushValues(publisher, 20);
      await until(tab, () => seen.errors > 0);
      proxy.mend();
      await until(tab, () => seen.sse.length >= 20);
      await pushValues(publisher, 20, 20);
      await until(tab, () => seen.sse.length >= 40);
      const seen = await tab.evaluate(() => window.seen);
      assert.deepEqual(seen.sse, values(40));
      assert.deepEqual(seen.gaps, []);
      await tab.close();
      await proxy.close();
      publisher.close();
    });
  });

  test("CORS_ORIGINS: a listed page streams, and unlisted pages get nothing", async () => {
    await withServer({ env: { CORS_ORIGINS: browser.origin } }, async (server) => {
      const tab = await page(`${server.url}/api/live`, server.wsUrl);
      await tab.close();
    });
    await withServer({ env: { CORS_ORIGINS: "https://other.test" } }, async (server) => {
      const tab = await browser.open();
      await tab.evaluate((url) => openStream(url), `${server.url}/api/live`);
      await until(tab, () => seen.errors === 1);
      assert.equal(await tab.evaluate(() => seen.opens), 0);
      const refused = await tab.evaluate(
        (url) =>
          openSocket(url).then(
            () => false,
            () => true,
          ),
        server.wsUrl,
      );
      assert.equal(refused, true);
      await tab.close();
    });
  });
});
