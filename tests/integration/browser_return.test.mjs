// Chromium's EventSource, and its WebSocket as a page's author opens it anew, go through what the
// clients of clients_return.test.mjs do.
import { after, before, describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { openTabSocket, openTabStream } from "./lib/returning_tabs.mjs";
import { overACut, overARestart, socketOf, streamOf } from "./lib/returns.mjs";

const skip = haveChromium ? false : "no Chromium on this machine";

describe("Chromium: 1,000 messages in order", { concurrency: 2, skip }, () => {
  let browser;
  before(async () => {
    browser = await Browser.start();
  });
  after(() => browser?.close());

  const kinds = [
    { name: "EventSource", open: (port) => openTabStream(browser, streamOf(port)) },
    { name: "WebSocket", open: (port) => openTabSocket(browser, socketOf(port)), firstEnd: 1012 },
  ];
  test("over a cut: nothing is lost, and no gap told", () => overACut(kinds));
  test("over a restart: the end is told, then the gap", () => overARestart(kinds));
});
