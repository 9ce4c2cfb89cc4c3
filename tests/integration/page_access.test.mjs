// The admin page for who has no mouse, hears it, reads it on a phone, or wants it to stand still.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { openPage, until } from "./lib/page.mjs";
import { Publisher } from "./lib/push.mjs";
import { startServer } from "./lib/server.mjs";

// Points come each tenth of a second: everything that moves, moves.
const env = { MODE: "generator", TICK_MS: "100" };

describe("the admin page is for everybody", { skip: haveChromium ? false : "no Chromium" }, () => {
  let browser;
  let server;
  before(async () => {
    [browser, server] = await Promise.all([Browser.start(), startServer({ env })]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const open = (how) => openPage(browser, server, how);
  const tiles = (tab) => until(tab, () => document.querySelectorAll(".tile").length === 7);
  const liveCharts = (tab) =>
    until(tab, () => document.querySelectorAll("#live-charts .chart").length === 7);

  // What the key Tab reaches, in its order, until it leaves the page.
  async function stops(tab) {
    const found = [];
    for (;;) {
      await tab.keyboard.press("Tab");
      const stop = await tab.evaluate(() => {
        const { tagName, id, className, type } = document.activeElement;
        const { outlineStyle } = getComputedStyle(document.activeElement);
        const next = document.activeElement.nextElementSibling;
        const isMarked = (element) => element && getComputedStyle(element).outlineStyle !== "none";
        const isSeen = outlineStyle !== "none" || (type === "radio" && isMarked(next));
        return tagName === "BODY" ? null : { name: id || className || type, isSeen };
      });
      if (!stop) return found;
      assert.ok(stop.isSeen, `the focus on ${stop.name} cannot be seen`);
      found.push(stop.name);
      assert.ok(found.length < 40, found.join(" "));
    }
  }

  test("the keyboard reaches everything, in reading order, and works it", async () => {
    const { tab, complaints } = await open();
    await tiles(tab);
    assert.deepEqual(await stops(tab), ["skip", "tab-hub", "tab-live", "pause", "try-sse", "try-ws",
      "try-channel", "try-tap", "try-log", "try-text", "try-token", "primary"]);
    const focus = (id) => tab.focus(`#${id}`);
    await focus("try-sse");
    await tab.keyboard.press("Space");
    await until(tab, () => document.querySelector("#try-log .sse"));
    await tab.keyboard.press("Space");
    await focus("tab-live");
    await tab.keyboard.press("Enter");
    await liveCharts(tab);
    await focus("live-sse");
    await tab.keyboard.press("ArrowRight");
    assert.ok(await tab.$eval("#live-ws", (radio) => radio.checked));
    await until(tab, () => /^connected/.test(document.getElementById("live-state").innerText));
    await tab.evaluate(() => document.activeElement.blur());
    await tab.reload();
    await liveCharts(tab);
    assert.deepEqual(await stops(tab), ["skip", "tab-hub", "tab-live", "pause", "live-url",
      "live-sse", "live-connect", "feed"]);
    assert.deepEqual(complaints, []);
    await tab.close();
  });

  test("whatever can be worked, measured or read as a picture or table has a name", async () => {
    for (const view of ["hub", "live"]) {
      const { tab } = await open({ path: `/#${view}` });
      await (view === "hub" ? tiles(tab) : liveCharts(tab));
      const tree = await tab.accessibility.snapshot({ interestingOnly: false });
      const named = new Set(["button", "link", "textbox", "radio", "image", "img", "meter", "table",
        "form", "navigation", "log"]);
      const counts = {};
      const visit = (node) => {
        if (named.has(node.role) && !(node.role === "form" && !node.name)) {
          assert.ok(node.name, `${view}: a ${node.role} without a name`);
          counts[node.role] = (counts[node.role] ?? 0) + 1;
        }
        node.children?.forEach(visit);
      };
      visit(tree);
      assert.ok(counts.button >= 1 && counts.image >= 6, JSON.stringify(counts));
      // A heading leads to each part: one of the first rank, none left out on the way down.
      const ranks = await tab.$$eval("h1, h2, h3", (all) =>
        all.filter((one) => one.getClientRects().length).map((one) => Number(one.tagName[1])));
      assert.equal(ranks.filter((rank) => rank === 1).length, 1);
      ranks.forEach((rank, i) => assert.ok(i === 0 || rank <= ranks[i - 1] + 1, ranks.join(" ")));
      await tab.close();
    }
  });

  // What changes each second is no announcement; only a change of state is.
  test("numbers that move are not read out", async () => {
    for (const view of ["hub", "live"]) {
      const { tab } = await open({ path: `/#${view}` });
      await (view === "hub" ? tiles(tab) : liveCharts(tab));
      await until(tab, () => document.getElementById("state").innerText === "ready");
      await tab.evaluate(() => {
        window.told = [];
        window.moved = 0;
        const live = document.querySelectorAll("[role=status], [role=alert]");
        const watch = new MutationObserver((all) => told.push(all[0].target.parentNode.id));
        for (const one of live)
          watch.observe(one, { childList: true, characterData: true, subtree: true });
        new MutationObserver((all) => {
          moved += all.length;
        }).observe(document.getElementById("main"), {
          childList: true, characterData: true, subtree: true,
        });
      });
      await until(tab, () => moved > 20);
      assert.deepEqual(await tab.evaluate(() => told), [], view);
      await tab.close();
    }
  });

  test("what is looked at stays where it is while its numbers change", async () => {
    const { tab } = await open();
    await until(tab, () => document.querySelector("#busiest td"));
    await tab.evaluate(() => {
      window.cells = [...document.querySelectorAll("#shards td, .tile .detail")];
      const range = document.createRange();
      range.selectNodeContents(document.querySelector("#shards tbody"));
      getSelection().addRange(range);
      window.before = document.getElementById("tiles").innerText;
    });
    await until(tab, () => document.getElementById("tiles").innerText !== before);
    assert.ok(await tab.evaluate(() => cells.length > 8 && cells.every((one) => one.isConnected)));
    assert.notEqual(await tab.evaluate(() => getSelection().toString()), "");
    await tab.close();
  });

  test("a chart has the size of its place, whatever the window does", async () => {
    const { tab } = await open();
    await tiles(tab);
    const fits = () =>
      until(tab, () => [...document.querySelectorAll("#hub-charts .plot")].every((plot) => {
        const { clientWidth, clientHeight } = plot.firstElementChild;
        return clientWidth === plot.clientWidth && clientHeight === plot.clientHeight;
      }));
    await fits();
    const other = await browser.browser.newPage();
    await other.bringToFront();
    for (const width of [500, 1000, 390, 1440]) {
      await tab.setViewport({ width, height: 900 });
      await fits();
    }
    await other.close();
    await fits();
    await tab.close();
  });

  test("it stands still on demand, and goes on with what came meanwhile", async () => {
    const { tab } = await open({ path: "/#live" });
    await liveCharts(tab);
    await tab.click("#pause");
    assert.equal(await tab.$eval("#pause", (b) => b.getAttribute("aria-pressed")), "true");
    const shown = () =>
      tab.evaluate(() => [...document.querySelectorAll("#live-charts .latest, #tiles, #feed")]
        .map((one) => one.innerText).join("|"));
    // A drawing that had begun is over by the next frame.
    await tab.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    const still = await shown();
    await tab.evaluate(() => {
      window.heard = 0;
      const events = new EventSource(document.getElementById("live-url").value + "/api/live");
      events.onmessage = () => ++heard;
    });
    const publisher = new Publisher(server);
    await publisher.push({ type: "event", message: "while it stood" });
    publisher.close();
    await until(tab, () => heard > 10);
    assert.equal(await shown(), still);
    await tab.click("#pause");
    await until(tab, () => /while it stood/.test(document.getElementById("feed").innerText));
    assert.notEqual(await shown(), still);
    await tab.close();
  });

  test("on a phone a thumb hits what it means", async () => {
    for (const view of ["hub", "live"]) {
      const { tab } = await open({ path: `/#${view}`, width: 390, height: 844 });
      await (view === "hub" ? tiles(tab) : liveCharts(tab));
      const what = "a:not(.skip), button, input:not([type=radio]), label";
      const small = await tab.$$eval(what, (all) =>
        all
          .filter((one) => one.getClientRects().length)
          .filter((one) => one.tagName !== "LABEL" || one.previousElementSibling?.type === "radio")
          .map((one) => [one.id || one.className || one.innerText, one.clientHeight])
          .filter(([, height]) => height < 34));
      assert.deepEqual(small, [], view);
      await tab.close();
    }
  });

  test("every text stands out from what is behind it, in both lights", async () => {
    for (const scheme of ["light", "dark"]) {
      const { tab } = await open({ scheme });
      await tiles(tab);
      const poor = await tab.evaluate(() => {
        const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
        const light = (hex) => {
          const value = Number.parseInt(hex.trim().slice(1), 16);
          const [r, g, b] = [16, 8, 0]
            .map((shift) => ((value >> shift) & 255) / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const pairs = [["--accent-ink", "--accent"], ["--dim", "--soft"], ["--ink", "--soft"]];
        for (const text of ["ink", "dim", "good", "warn", "bad"])
          for (const back of ["panel", "back"]) pairs.push([`--${text}`, `--${back}`]);
        for (const tone of ["good", "warn", "bad"]) pairs.push([`--${tone}`, `--${tone}-soft`]);
        return pairs
          .map(([text, back]) => {
            const [a, b] = [light(colour(text)), light(colour(back))].sort((x, y) => y - x);
            return [text, back, (a + 0.05) / (b + 0.05)];
          })
          .filter(([, , ratio]) => !(ratio >= 4.5)); // WCAG 2.2, 1.4.3
      });
      assert.deepEqual(poor, [], scheme);
      await tab.close();
    }
  });
});
