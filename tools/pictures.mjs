// Takes the pictures of docs/images: the admin page at both widths, in both lights, on a hub that
// has this machine's own load and some hundred clients of livehub-bench.
//
//   node tools/pictures.mjs build/livehub build/livehub-bench
//
// Chromium and puppeteer-core are the tests' own (make configure-tests).
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(path.join(root, "tests/package.json"));
const { default: puppeteer } = await import(pathToFileURL(require.resolve("puppeteer-core")));
const [hubProgram, benchProgram] = process.argv.slice(2);
const fillSeconds = 75; // the charts hold a minute
const views = [
  { name: "light", width: 1440, height: 900, scheme: "light" },
  { name: "dark", width: 1440, height: 900, scheme: "dark" },
  { name: "phone", width: 390, height: 844, scheme: "light" },
];

const children = [];
function start(program, args, stdin = "ignore") {
  const child = spawn(program, args, { stdio: [stdin, "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function startHub() {
  const hub = start(hubProgram, ["serve", "--port", "0", "--admin-port", "auto"]);
  for await (const chunk of hub.stdout) {
    const ports = /port=(\d+) admin=(\d+)/.exec(chunk);
    if (ports) return ports.slice(1).map(Number);
  }
  throw new Error("the hub did not start");
}

function pushLoad(port) {
  const push = start(hubProgram, ["push", `http://127.0.0.1:${port}`], "pipe");
  push.stdout.resume();
  start(hubProgram, ["load"]).stdout.pipe(push.stdin);
}

// Clients that come, listen, and go while the charts fill.
function crowd(port, protocol, connections, seconds) {
  const base = `127.0.0.1:${port}/api/live`;
  const url = protocol === "ws" ? `ws://${base}/ws` : `http://${base}`;
  const args = ["idle", url, "-n", String(connections), "--ping-seconds", "0"];
  start(benchProgram, [...args, "--idle-seconds", String(seconds)]).stdout.resume();
}

// For the feed of the view Live data; once for all pictures.
let eventsPushed = null;
async function pushEvents(port) {
  const events = [
    { type: "release", message: "Version 2.4 is out" },
    { type: "signup", message: "A team of 40 has joined", level: "info" },
    { type: "payment", message: "A card was declined", level: "warn" },
    { type: "deploy", message: "Two machines were replaced" },
  ];
  for (const event of events) {
    const body = JSON.stringify(event);
    const headers = { "content-type": "application/json" };
    await fetch(`http://127.0.0.1:${port}/api/live/push`, { method: "POST", headers, body });
  }
}

async function open(browser, port, admin, hash, view) {
  const page = await browser.newPage();
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: view.scheme }]);
  await page.setViewport({ width: view.width, height: view.height, deviceScaleFactor: 1 });
  await page.goto(`http://127.0.0.1:${admin}/#${hash}`);
  if (hash === "live") await page.waitForSelector("#live-charts .chart");
  await sleep(hash === "live" ? fillSeconds * 500 : 3000);
  if (hash === "live") await (eventsPushed ??= pushEvents(port)).then(() => sleep(1000));
  return page;
}

// One after the other: a tab behind others draws nothing, and has drawn for its size a moment after
// it came to the front.
async function shoot(page, hash, view) {
  await page.bringToFront();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewport({ width: view.width, height, deviceScaleFactor: 1 });
  await sleep(2500);
  const file = path.join(root, `docs/images/page-${hash}-${view.name}.png`);
  await page.screenshot({ path: file });
  await page.close();
}

try {
  const [port, admin] = await startHub();
  pushLoad(port);
  crowd(port, "sse", 400, fillSeconds / 3);
  crowd(port, "ws", 700, fillSeconds * 2);
  await sleep(fillSeconds * 1000);
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  for (const hash of ["hub", "live"]) {
    const pages = await Promise.all(views.map((view) => open(browser, port, admin, hash, view)));
    for (const [i, view] of views.entries()) await shoot(pages[i], hash, view);
  }
  await browser.close();
} finally {
  for (const child of children) child.kill();
}
