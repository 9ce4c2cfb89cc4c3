// The admin page in headless Chromium: its numbers move when traffic does, its panels work over
// both transports, it asks nobody else, complains of nothing, and fits a phone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { noScrolling, openPage, press, timeout, until } from "./lib/page.mjs";
import { range, sleep } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { shards, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const token = "a token for the tests";

describe("the admin page", { skip: haveChromium ? false : "no Chromium here" }, () => {
  let browser;
  before(async () => {
    browser = await Browser.start();
  });
  after(() => browser?.close());

  const open = (server, how) => openPage(browser, server, how);

  test("the numbers of the hub move when traffic does", async () => {
    await withServer({}, async (server) => {
      const { tab, complaints } = await open(server);
      const value = (name) =>
        tab.evaluate((wanted) => {
          const tile = [...document.querySelectorAll(".tile")].find(
            (one) => one.querySelector("dt").textContent === wanted,
          );
          return tile?.querySelector(".value").firstChild.textContent;
        }, name);
      await until(tab, () => document.querySelectorAll(".tile").length === 7);
      assert.equal(await value("Connections"), "0");
      assert.equal(await value("Deliveries"), "0");
      assert.equal(await tab.$eval("#state", (pill) => pill.textContent), "ready");
      // Nothing was delivered: that is no latency of 0.
      assert.match(await tab.$eval("#hub-charts", (all) => all.innerText), /delivery –/);
      const clients = await Promise.all(range(3).map(() => SseClient.open(server)));
      clients.push(await WsClient.open(server));
      const publisher = new Publisher(server);
      let done = false;
      const pushing = (async () => {
        while (!done) await publisher.push({ activeUsers: 7 });
      })();
      await until(tab, () => {
        const [tiles, busiest] = ["tiles", "busiest"].map((id) => document.getElementById(id));
        const numbers = [...tiles.querySelectorAll(".value")].map((v) => v.firstChild.textContent);
        return (
          numbers[0] === "4" && numbers[2] !== "0" && /live\S*.*4$/.test(busiest.innerText.trim())
        );
      });
      assert.match(await tab.$eval("#tiles", (tiles) => tiles.innerText), /SSE 3 · WebSocket 1/);
      const charts = await tab.$$eval("#hub-charts canvas", (all) =>
        all.map((canvas) => canvas.getAttribute("aria-label")),
      );
      assert.equal(charts.length, 6);
      // Of a hub that has just begun, half a minute is shown and not five empty ones.
      assert.match(charts[0], /^Connections, last (30 s|1 min): SSE now 3.*; WebSocket now 1/);
      assert.doesNotMatch(charts[2], /now 0\/s/);
      // Something is drawn, too.
      const painted = await tab.$eval("#hub-charts canvas", (canvas) =>
        canvas
          .getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height)
          .data.some((byte) => byte > 0),
      );
      assert.ok(painted);
      assert.equal(await tab.$$eval("#shards tbody tr", (rows) => rows.length), shards);
      clients.forEach((client) => client.close());
      done = true;
      await pushing;
      // Those who left with bytes unread are "lost": the kernel sent a reset.
      await until(tab, () => {
        const rows = [...document.querySelectorAll("#ended tbody tr")].map((row) => row.innerText);
        return (
          rows.filter((row) => /SSE\s+(client left|connection lost)/.test(row)).length === 3 &&
          rows.filter((row) => /WebSocket\s+(client|connection)/.test(row)).length === 1
        );
      });
      await until(tab, () => document.querySelector(".tile .value").innerText === "0");
      assert.deepEqual(complaints, []);
      publisher.close();
      await tab.close();
    });
  });

  test("try it: listens over both transports, and pushes", async () => {
    await withServer({ env: { LIVE_PUSH_TOKEN: "deck" } }, async (server) => {
      const { tab, complaints } = await open(server);
      await until(tab, () => document.getElementById("try-where").textContent !== "");
      await press(tab, "#try-sse");
      await press(tab, "#try-ws");
      await press(tab, "#try-tap");
      await until(tab, () =>
        /SSE: connected, 0 .*WebSocket: connected, 0 .*Tap: connected, 0 /.test(
          document.getElementById("try-counts").textContent,
        ),
      );
      await tab.$eval("#try-text", (area) => {
        area.value = '{ "hello": "<b>you</b>" }';
      });
      await tab.type("#try-token", "deck");
      await press(tab, "#try-push button");
      await until(tab, () => document.querySelectorAll("#try-log li").length >= 2);
      // A tap begins a moment after its stream: it may have missed the first.
      while (!(await tab.$("#try-log .tapped"))) {
        await press(tab, "#try-push button");
        await sleep(100);
      }
      await press(tab, "#try-tap");
      const rows = await tab.$$eval("#try-log li", (all) =>
        all.map((row) => [row.children[1].textContent, row.children[2].textContent]),
      );
      for (const kind of ["SSE", "WS", "TAP"])
        assert.ok(rows.some(([sign]) => sign === kind), kind);
      for (const [, text] of rows) assert.equal(text, '{"hello":"<b>you</b>"}');
      await until(tab, () =>
        document.getElementById("try-answer").textContent.includes('200 {"ok":true}'),
      );
      assert.deepEqual(complaints, []);
      // A refusal is shown; the browser writes it to its console as well.
      await tab.$eval("#try-token", (input) => {
        input.value = "wrong";
      });
      await press(tab, "#try-push button");
      await until(tab, () => /^401 /.test(document.getElementById("try-answer").textContent));
      await tab.close();
    });
  });

  for (const kind of ["sse", "ws"])
    test(`live data over ${kind}: a chart for every number, a feed for every event`, async () => {
      await withServer({}, async (server) => {
        const { tab, complaints } = await open(server, { path: "/#live" });
        await until(tab, () => /^connected/.test(document.getElementById("live-state").innerText));
        if (kind === "ws") await tab.click('label[for="live-ws"]');
        const publisher = new Publisher(server);
        const channels = { Organic: 2, Paid: "1", Referral: 1 };
        const first = {
          activeUsers: 128, signups: "7", conversions: 2, revenue: 1234.5, latencyP95: 88,
          errorRate: 12, channels, cpuPercent: 41,
        };
        // The stream may only just be opening.
        await until(tab, async () => /^connected/.test(
          document.getElementById("live-state").innerText));
        const shown = () => tab.$$eval("#live-charts h3", (all) => all.map((h) => h.textContent));
        while ((await shown()).length < 8) await publisher.push(first);
        assert.deepEqual(await shown(), ["Active users", "Signups", "Conversions", "Revenue",
          "Latency p95", "Error rate", "Channels", "CPU"]);
        await until(tab, () => /Error rate\s*12 %/.test(
          document.getElementById("live-charts").innerText));
        await until(tab, () => /Organic\s*50 %\s*Paid\s*25 %\s*Referral\s*25 %/.test(
          document.getElementById("live-charts").innerText));
        await publisher.push({ type: "point", data: { activeUsers: 200 } });
        await publisher.push({ point: { signups: 9 } });
        await until(tab, () => /Active users\s*200\s*Signups\s*9\s/.test(
          document.getElementById("live-charts").innerText));
        await publisher.push({ type: "event", message: "one", severity: "error" });
        await publisher.push({ type: "events", data: [{ text: "two", kind: "deploy" }] });
        await publisher.push({ event: { title: "three <i>" } });
        await publisher.push({ events: [{ message: "four", level: "warning" }, {}] });
        await until(tab, () => document.querySelectorAll("#feed li").length === 4);
        const feed = await tab.$$eval("#feed li", (all) =>
          all.map((row) => [row.className, row.querySelector(".text").firstChild.textContent]));
        assert.deepEqual(feed, [["warn", "four"], ["info", "three <i>"], ["info", "two"],
          ["danger", "one"]]);
        // Of very many numbers the first are shown, and the page says so.
        await publisher.push(Object.fromEntries(range(40).map((n) => [`number${n}`, n])));
        await until(tab, () => !document.getElementById("live-more").hidden);
        const more = await tab.$eval("#live-more", (hint) => hint.textContent);
        assert.equal(more, "The first 30 numbers are shown; 17 more came.");
        assert.deepEqual(complaints, []);
        publisher.close();
        await tab.close();
      });
    });

  test("another hub's address is looked at, with a policy of its own", async () => {
    await withServer({}, async (server) => {
      await withServer({}, async (other) => {
        const { tab } = await open(server, { path: "/#live" });
        await until(tab, () => /^connected/.test(document.getElementById("live-state").innerText));
        await tab.click("#live-connect");
        await tab.$eval("#live-url", (input, url) => {
          input.value = url;
        }, `${other.url}/api/live`);
        await Promise.all([tab.waitForNavigation({ timeout }), tab.click("#live-connect")]);
        await until(tab, () => /^connected/.test(document.getElementById("live-state").innerText));
        const publisher = new Publisher(other);
        await publisher.push({ otherNumber: 5 });
        await until(tab, () => /Other number/.test(
          document.getElementById("live-charts").innerText));
        publisher.close();
        await tab.close();
      });
    });
  });

  test("it fits 390 and 1440 pixels, in both views", async () => {
    await withServer({ env: { MODE: "generator", TICK_MS: "100" } }, async (server) => {
      const clients = await Promise.all(range(3).map(() => SseClient.open(server)));
      for (const width of [390, 1440]) {
        const { tab, complaints } = await open(server, { width });
        await until(tab, () => document.querySelectorAll("#busiest tbody tr").length === 1);
        await noScrolling(tab, `the hub at ${width}`);
        await tab.click("#tab-live");
        await until(tab, () => document.querySelectorAll("#live-charts .chart").length === 7);
        await noScrolling(tab, `live data at ${width}`);
        assert.deepEqual(complaints, []);
        await tab.close();
      }
      clients.forEach((client) => client.close());
    });
  });

  test("from elsewhere it asks for the token, and lets one out again", async () => {
    await withServer({ env: { ADMIN_TOKEN: token } }, async (server) => {
      // A name that is no loopback's own, for this browser alone.
      const own = await browser.browser.createBrowserContext();
      const tab = await own.newPage();
      await tab.setExtraHTTPHeaders({ "X-Forwarded-For": "192.0.2.1" });
      const url = `http://localhost:${server.adminPort}/`;
      await tab.goto(url);
      assert.match(tab.url(), /\/login$/);
      await tab.type("#token", "nonsense");
      await Promise.all([tab.waitForNavigation({ timeout }), tab.click("button")]);
      assert.match(await tab.$eval('[role="alert"]', (p) => p.innerText), /not the token/);
      await tab.type("#token", token);
      await Promise.all([tab.waitForNavigation({ timeout }), tab.click("button")]);
      assert.equal(tab.url(), url);
      await until(tab, () => document.querySelectorAll(".tile").length === 7);
      assert.equal(await tab.evaluate(() => document.cookie), "");
      await Promise.all([tab.waitForNavigation({ timeout }), tab.click("#logout button")]);
      await tab.goto(url);
      assert.match(tab.url(), /\/login$/);
      await own.close();
    });
  });
});
