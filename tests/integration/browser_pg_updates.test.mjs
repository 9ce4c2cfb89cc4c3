// An unmodified browser as the client of profile pg-updates: Chromium's own Origin, the greeting,
// an update of its row, and a close at the end of the server after which the page's rule (any code
// but 1000) has it come back.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { startHub, token, user } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";

const timeout = 90_000;
const until = (tab, condition, ...args) =>
  tab.waitForFunction(condition, { timeout, polling: 50 }, ...args);

// What the web app's client does: `auth` on `auth_required`, and back again unless told 1000.
function connect(url, auth) {
  window.frames = [];
  window.codes = [];
  window.begin = (address) => {
    const socket = new WebSocket(address);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      window.frames.push(frame);
      if (frame.type === "auth_required") socket.send(JSON.stringify(auth));
    };
    socket.onclose = ({ code }) => {
      window.codes.push(code);
      if (code !== 1000 && window.next) setTimeout(() => window.begin(window.next), 50);
    };
  };
  window.begin(url);
}
const typesOf = (tab) => tab.evaluate(() => window.frames.map((frame) => frame.type));

describe("Chromium", { skip: haveChromium ? false : "no Chromium on this machine" }, () => {
  let browser, postgres;
  before(async () => {
    [browser, postgres] = await Promise.all([Browser.start(), Postgres.start()]);
  });
  after(async () => {
    await browser?.close();
    await postgres?.end();
  });

  const address = (hub, id) => `ws://127.0.0.1:${hub.port}/ws?userId=${encodeURIComponent(id)}`;
  const notify = (id, n) =>
    postgres.notify(`user_usage_${id}`, JSON.stringify({ operation: "UPDATE", data: { n } }));

  test("an update reaches the page, and so does one after the server was replaced", async () => {
    const tab = await browser.open();
    const origin = await tab.evaluate(() => window.origin);
    const options = { env: { ALLOWED_ORIGINS: origin, DRAIN_SECONDS: "1" } };
    const [first, second] = [await startHub(postgres, options), await startHub(postgres, options)];
    const id = user(1);
    const auth = { type: "auth", token: token(id), userId: id };
    await tab.evaluate(connect, address(first, id), auth);
    await until(tab, () => window.frames.some((frame) => frame.type === "authenticated"));
    assert.deepEqual(await typesOf(tab), ["auth_required", "authenticated"]);
    await notify(id, 1);
    await until(tab, () => window.frames.length === 3);
    const { type, data } = await tab.evaluate(() => window.frames[2]);
    assert.equal(type, "realtime_update");
    assert.match(data.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    delete data.timestamp;
    assert.deepEqual(data, { table: "usage", operation: "UPDATE", data: { n: 1 } });

    await tab.evaluate((next) => (window.next = next), address(second, id));
    await first.stop();
    await until(tab, () => window.frames.length === 5);
    assert.deepEqual(await tab.evaluate(() => window.codes), [1012]);
    await notify(id, 2);
    await until(tab, () => window.frames.at(-1).data?.data.n === 2);
    await tab.close();
    await second.stop();
  });

  test("a page of another origin is told 1008", async () => {
    const hub = await startHub(postgres);
    const tab = await browser.open();
    await tab.evaluate(connect, address(hub, user(2)), {});
    await until(tab, () => window.codes.length === 1);
    assert.deepEqual(await tab.evaluate(() => [window.codes, window.frames]), [[1008], []]);
    await tab.close();
    await hub.stop();
  });
});
