// The long form of tests/integration/faults.test.mjs: every call site of the hub fails once with
// every error that the kernel may answer there, at the start, while it runs, and as it drains. A
// table of what became of each, and a verdict.
//
//   make soak            or   node tests/soak/faults.mjs [--only TEXT] [--stage start|round|drain]
//
// Both backends, three shards. Ends with 1 if a call broke more than its own connection: a hub that
// died without its sentence, a message that was answered with 200 and is missing, a hang, a spin.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { cpuSeconds } from "../integration/lib/cpu.mjs";
import {
  RunningFaults,
  describeFault,
  faultAtStart,
  record,
} from "../integration/lib/fault_runs.mjs";
import { FaultTable, errorsOf, shim } from "../integration/lib/faults.mjs";
import { range, sleep } from "../integration/lib/patience.mjs";
import { endNotRun, endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    stage: { type: "string" },
    io: { type: "string" },
    verbose: { type: "boolean" },
    calls: { type: "string", default: "8" },
  },
});
if (!shim) endNotRun("build/tests/fault_shim.so is not there: ninja -C build livehub_fault_shim");
const callsMax = Number(values.calls);
const startCallsMax = Math.min(callsMax, 4);
const crowd = 70;
const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-faults-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const outcomes = new Map();
const broken = [];

function note(stage, what, outcome) {
  const kind = outcome.split(/[:;]/)[0];
  outcomes.set(`${stage}, ${kind}`, (outcomes.get(`${stage}, ${kind}`) ?? 0) + 1);
  const line = `${stage.padEnd(12)} ${what.padEnd(70)} ${outcome}`;
  if (outcome.startsWith("BROKEN")) broken.push(line);
  if (values.verbose || outcome.startsWith("BROKEN")) console.log(line);
}

// Some of the calls of a site: the first ones, then spread over all that were seen.
function passesOf(calls, callsMax) {
  const most = Math.min(calls, callsMax);
  const first = Math.ceil(most / 2);
  return range(most).map((i) =>
    i < first ? i : first + Math.floor(((calls - first) * (i - first)) / (most - first)),
  );
}

// Each site with each error. Allocations are many and end alike: each tenth of them.
function* faultsOf(sites, most = callsMax) {
  let allocations = 0;
  for (const site of sites) {
    if (!describeFault(site, "", 0).includes(values.only)) continue;
    const isMemory = site.function === "operator new";
    if (isMemory && allocations++ % 10 > 0) continue;
    for (const error of errorsOf[site.function]) {
      for (const pass of isMemory ? [0] : passesOf(site.calls, most)) yield { site, error, pass };
    }
  }
}

// A process each, so that fewer of a site's calls have to do.
async function atStart(stage, table, options, sites) {
  for (const { site, error, pass } of faultsOf(sites, startCallsMax)) {
    const what = describeFault(site, error, pass);
    note(stage, what, await faultAtStart(table, options, site, error, { pass }));
  }
}

async function whileRunning(stage, table, options, sites) {
  const runs = new RunningFaults(table, options, crowd);
  for (const { site, error, pass } of faultsOf(sites)) {
    note(stage, describeFault(site, error, pass), await runs.run(site, error, pass));
  }
  if (runs.pid) {
    const before = cpuSeconds(runs.pid);
    await sleep(3000);
    const spent = cpuSeconds(runs.pid) - before;
    note(stage, "three seconds with nothing to do", spent < 1 ? "went on" : `BROKEN: ${spent} s`);
  }
  note(stage, "the drain after all of them", (await runs.end()) ? "went on" : "BROKEN: not 0");
}

for (const io of values.io ? [values.io] : ["uring", "epoll"]) {
  const options = { backend: io, shardCount: 3 };
  const table = new FaultTable(path.join(directory, io));
  const sites = await record(table, options, crowd);
  console.log(
    `${io}: ${sites.start.length} call sites at the start, ${sites.round.length} in a round, ` +
      `${sites.drain.length} in the drain`,
  );
  const wants = (stage) => (values.stage ?? stage) === stage;
  if (wants("start")) await atStart(`${io} start`, table, options, sites.start);
  if (wants("round")) await whileRunning(`${io} round`, table, options, sites.round);
  if (wants("drain")) await atStart(`${io} drain`, table, options, sites.drain);
  table.close();
}
for (const [kind, count] of outcomes) console.log(`${kind}: ${count}`);
endWithVerdict(broken.length ? [`${broken.length} faults`] : []);
