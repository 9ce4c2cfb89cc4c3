// A thousand clients that never read, half of them WebSockets, under 100 messages of 1 KB a second,
// and a hundred others who read, again and again; both backends and two policies.
//
//   make soak            or   node tests/soak/slow_readers.mjs [--clients 1000] [--minutes 10]
//                             [--io uring|epoll] [--policy disconnect|skip]
//
// In each turn the thousand are full before the readers are looked at, so that filling them is no
// part of it; while nothing is published then, the hub must sleep; the readers' window lasts until
// the thousand are overtaken. Then they read: no hole without a word, and (`disconnect`) all of
// them cut. The short form is tests/integration/slow_reader.test.mjs. Ends with 1 if that was not
// so, a reader missed a message, the memory went over its budget, or the readers' 99th percentile
// suffered.
import { parseArgs } from "node:util";
import { cpuShare } from "../integration/lib/cpu.mjs";
import { openStreams } from "../integration/lib/half_open.mjs";
import { metric } from "../integration/lib/metrics.mjs";
import { Reader, Seen } from "../integration/lib/order.mjs";
import { eventually, range, sleep } from "../integration/lib/patience.mjs";
import { Publisher } from "../integration/lib/push.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { PeakMemory, megabytes } from "./lib/peak.mjs";
import { p99OfReaders } from "./lib/readers.mjs";
import { inTurns, judge } from "./lib/turns.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    minutes: { type: "string", default: "10" },
    io: { type: "string" },
    policy: { type: "string" },
  },
});
const stuckCount = Number(values.clients);
const messageBytes = 1024;
// A fourth of the default, so that a short window has more messages than it holds.
const ringBytes = 256 << 10;
const windowSeconds = 5;
const budgetBytes = 256 << 20;
const idleSeconds = 3;
const idleShareMax = 0.05; // of a CPU
const broken = [];
const unjudged = [];

const fullSockets = async (server) =>
  (await metric(server, "livehub_blocked_sends_total")) +
  (await metric(server, "livehub_short_sends_total"));

const numberOf = (data) => Number(/"seq":(-?\d+)/.exec(data)[1]);
const last = -1; // of no sequence

// Clients that ask for the stream and never read from it.
async function openStuck(server) {
  const stuck = [];
  for (let i = 0; i < stuckCount; i += 100) {
    for (const n of range(Math.min(100, stuckCount - i))) {
      const reader = new Reader(server, n % 2 ? "ws" : "sse", new Seen(), { numberOf });
      reader.socket.pause();
      stuck.push(reader);
    }
    await eventually(async () => (await openStreams(server)) === stuck.length, "the stuck clients");
  }
  return stuck;
}

// Messages until each of them has met a socket that takes no more.
async function fill(server, publisher) {
  const before = await fullSockets(server);
  for (let seq = 0; seq < 900; seq++) {
    await publisher.push({ seq, fill: "f".repeat(messageBytes) });
    if (seq % 20 === 0 && (await fullSockets(server)) - before >= stuckCount) return;
    await sleep(5);
  }
  throw new Error(`only ${(await fullSockets(server)) - before} clients are stuck`);
}

// Now they read, all that is left for them; what became of each.
async function release(server, stuck, publisher, state) {
  if (state.policy === "disconnect") {
    const areGone = async () => (await openStreams(server)) === 0;
    await eventually(areGone, "the stuck clients to be cut");
  }
  for (const reader of stuck) reader.socket.resume();
  // Again and again: who is still full is told of a gap that reaches over it.
  const isDone = ({ isOver, seen }) => isOver || seen.numbers.at(-1) === last;
  const areDone = async () => {
    await publisher.push({ seq: last });
    return stuck.every(isDone);
  };
  await eventually(areDone, "the end, or the newest message, of all the stuck", { everyMs: 200 });
  for (const { isOver, closeCode, seen, error } of stuck) {
    if (error && error.code !== "ECONNRESET") state.wrong.add(error.message);
    if (seen.holes > 0) state.wrong.add("a hole without a word");
    if (closeCode === 1013) state.closed1013++;
    if (isOver) state.cut++;
    else if (seen.gaps > 0) state.told++;
    else state.whole++;
  }
  for (const reader of stuck) reader.cut();
  await eventually(async () => (await openStreams(server)) === 0, "the stuck clients to leave");
}

// One window of the readers beside the stuck.
async function besideStuck(server, state) {
  const publisher = new Publisher(server, { connections: 1 });
  const stuck = await openStuck(server);
  await fill(server, publisher);
  await sleep(500);
  const share = await cpuShare(server.pid, idleSeconds);
  state.idleShare = Math.max(state.idleShare, share);
  const p99 = await p99OfReaders(server, windowSeconds);
  state.turns++;
  await release(server, stuck, publisher, state);
  publisher.close();
  return p99;
}

async function run(backend, policy, minutes) {
  const env = {
    ...{ MEMORY_BYTES: String(budgetBytes), RING_BYTES: String(ringBytes) },
    SLOW_READER: policy,
  };
  const server = await startServer({ backend, shardCount: 2, env });
  const state = { policy, idleShare: 0, turns: 0, cut: 0, told: 0, whole: 0, closed1013: 0 };
  state.wrong = new Set();
  const peak = new PeakMemory(server.pid);
  try {
    const alone = () => p99OfReaders(server, windowSeconds);
    const beside = () => besideStuck(server, state);
    const found = await inTurns({ alone, beside, minutes });
    report(`${backend}, ${policy}`, found, peak.end(), state);
    await server.stop();
  } finally {
    peak.end();
    server.kill();
  }
}

function report(cell, found, peakBytes, state) {
  const { isWorse, isUnclear, text } = judge(found);
  console.log(
    `${cell}: ${state.turns} times ${stuckCount} stuck clients: ${state.cut} were cut ` +
      `(${state.closed1013} heard 1013), ${state.told} told of a gap, ${state.whole} got all in ` +
      `the end; ${megabytes(peakBytes)} at most; with nothing to send ` +
      `${(100 * state.idleShare).toFixed(1)} % of a CPU at most; the readers' ${text}`,
  );
  if (isUnclear) unjudged.push(`${cell}: the 99th percentile, on a machine as busy as this`);
  if (isWorse) state.wrong.add("the readers waited");
  if (peakBytes > budgetBytes) state.wrong.add(`${peakBytes} bytes`);
  if (state.idleShare > idleShareMax) state.wrong.add("it spins");
  if (state.policy === "disconnect" && state.cut < state.turns * stuckCount)
    state.wrong.add("some were not cut");
  for (const what of state.wrong) broken.push(`${cell}: ${what}`);
}

const cells = (values.io ? [values.io] : ["uring", "epoll"]).flatMap((backend) =>
  (values.policy ? [values.policy] : ["disconnect", "skip"]).map((policy) => [backend, policy]),
);
for (const [backend, policy] of cells) {
  await run(backend, policy, Number(values.minutes) / cells.length).catch((error) => {
    broken.push(`${backend}, ${policy}: ${error.message}`);
  });
}
endWithVerdict(broken, unjudged);
