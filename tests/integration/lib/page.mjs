// The admin page in a tab of its own.
import assert from "node:assert/strict";

export const timeout = 90_000;
export const until = (tab, condition, ...args) =>
  tab.waitForFunction(condition, { timeout, polling: 100 }, ...args);

// Presses what a person would press again: the tables above it grow as clients come and go, and a
// mouse button that goes down on a button and up beside it is no click.
export async function press(tab, selector) {
  await tab.$eval(selector, (target) => {
    target.wasPressed = false;
    target.addEventListener("click", () => (target.wasPressed = true), { once: true });
  });
  do await tab.click(selector);
  while (!(await tab.$eval(selector, (target) => target.wasPressed)));
}

// A tab on the page, and what must stay empty: complaints, and requests to anywhere else.
export async function openPage(
  { browser },
  server,
  { path = "/", width = 1440, height = 900, host = "localhost", scheme = "light" } = {},
) {
  const tab = await browser.newPage();
  const complaints = [];
  const allowed = new Set([server.port, server.adminPort].map((port) => `${host}:${port}`));
  tab.on("console", (message) => {
    if (["error", "warn", "warning"].includes(message.type())) complaints.push(message.text());
  });
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("request", (request) => {
    const { host: asked, protocol } = new URL(request.url());
    if (protocol !== "data:" && !allowed.has(asked)) complaints.push(`asked ${request.url()}`);
  });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.setViewport({ width, height });
  await tab.goto(`http://${host}:${server.adminPort}${path}`);
  return { tab, complaints };
}

export async function noScrolling(tab, what) {
  const [content, window] = await tab.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= window, `${what} is ${content} wide in a window of ${window}`);
}
