// A million messages to a hundred clients; a thousand clients who come with a position in the
// middle of 10,000 messages a second; ten thousand cuts at any byte, by which they come back:
// nothing lost, doubled or reordered. Both backends; SSE and WebSocket in each.
//
//   make soak            or   node tests/soak/delivery.mjs [--messages 1000000] [--joins 1000]
//                             [--cuts 10000] [--seed N] [--io uring|epoll] [--shards 3]
//
// The short form is tests/integration/delivery.test.mjs. The messages to a hundred are checked by
// livehub-bench, each by its number and its pattern, and the clients' orders against each other;
// the publishers wait while a reader is behind, so that nobody is a slow one. Ends with 1 if a
// promise was broken.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bench } from "../integration/lib/bench.mjs";
import {
  cutAgainAndAgain,
  joinInTheMiddle,
  roomySettings,
} from "../integration/lib/delivery_runs.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "1000000" },
    joins: { type: "string", default: "1000" },
    cuts: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    io: { type: "string" },
    shards: { type: "string", default: "3" },
  },
});
const seed = Number(values.seed);
const readerCount = 100;
const perSecond = 10_000;
const rateLeast = 0.9 * perSecond; // else it was another, easier load
const chunkSecondsMax = 60;
const broken = [];
const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-delivery-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

// What must be 0 in a report of livehub-bench.
const faultNames = ["lost", "doubled", "reordered", "corrupt", "foreign", "gaps"].concat([
  "order_differing",
  "closed_by_server",
]);
const textOf = (faults) =>
  Object.entries(faults)
    .map(([name, count]) => `${count} ${name.replaceAll("_", " ")}`)
    .join(", ");
const anyOf = (faults) => Object.values(faults).some((count) => count !== 0);

function note(cell, figures, faults, isFine = true) {
  const isBroken = !isFine || anyOf(faults);
  console.log(`${cell}: ${figures}; ${textOf(faults)}${isBroken ? " BROKEN" : ""}`);
  if (isBroken) broken.push(cell);
}

// As fast as the slowest reader takes it, until so many messages were pushed.
async function toAHundred(server, cell, url) {
  const wanted = Number(values.messages);
  const total = { pushes: 0, messages: 0, seconds: 0 };
  const faults = Object.fromEntries(faultNames.map((name) => [name, 0]));
  const failures = [];
  let seconds = 2;
  while (total.pushes < wanted && failures.length === 0) {
    const target = [url, "--push", `${server.url}/api/live/push`];
    const load = ["-n", readerCount, "--bytes", 72, "--seconds", seconds];
    const { code, found, output } = await bench(directory, "saturate", ...target, ...load);
    if (code !== 0) failures.push(...found.failures, output);
    for (const name of ["pushes", "messages"]) total[name] += found[name];
    for (const name of faultNames) faults[name] += found[name];
    total.seconds += seconds;
    const left = (1.1 * (wanted - total.pushes) * total.seconds) / Math.max(total.pushes, 1);
    seconds = Math.ceil(Math.min(Math.max(left, 1), chunkSecondsMax));
  }
  const isWhole = total.messages === total.pushes * readerCount;
  const figures =
    `${total.pushes} messages to ${readerCount} clients, ${total.messages} deliveries in ` +
    `${total.seconds} s${failures.map((text) => `; ${text}`).join("")}`;
  note(cell, figures, faults, isWhole && total.pushes >= wanted && failures.length === 0);
}

async function inTheMiddle(server, cell) {
  const [joins, backlogMax] = [Number(values.joins), perSecond / 2];
  const load = { joins, perSecond, backlogMax, followed: 200, seed };
  const { faults, gaps, ...found } = await joinInTheMiddle(server, load);
  const figures =
    `${found.joins} came with a position while ${found.rate.toFixed(0)} messages a second went ` +
    `on, ${found.pushed} in all; they got ${found.messages}`;
  const isFine = found.joins === load.joins && found.rate >= rateLeast;
  note(cell, figures, { ...faults, gaps }, isFine);
}

async function manyCuts(server, cell) {
  const load = { cuts: Number(values.cuts), clients: readerCount, perSecond: 1000, seed };
  const { faults, gaps, ...found } = await cutAgainAndAgain(server, load);
  const figures =
    `${found.cuts} cuts of ${readerCount} clients, ${found.inside} of them inside a message, ` +
    `while ${found.rate.toFixed(0)} messages a second went on, ${found.pushed} in all`;
  note(cell, figures, { ...faults, gaps }, found.inside > found.cuts / 2);
}

console.log(`seed ${seed}`);
for (const backend of values.io ? [values.io] : ["uring", "epoll"]) {
  const options = { backend, shardCount: Number(values.shards), env: roomySettings };
  const cell = `${backend}/${values.shards}`;
  const parts = [
    ["SSE", (server, name) => toAHundred(server, name, `${server.url}/api/live`)],
    ["WebSocket", (server, name) => toAHundred(server, name, server.wsUrl)],
    ["joins", inTheMiddle],
    ["cuts", manyCuts],
  ];
  for (const [name, run] of parts) {
    const server = await startServer(options);
    await run(server, `${cell} ${name}`).catch((error) => {
      console.log(`${cell} ${name}: BROKEN: ${error.message}`);
      broken.push(`${cell} ${name}`);
    });
    await server.stop().catch((error) => broken.push(`${cell} ${name}: ${error.message}`));
  }
}
endWithVerdict(broken);
