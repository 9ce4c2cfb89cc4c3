// 9,000 clients are cut off at once and come back where they were, while messages go on, on both
// backends: all back within the promised time, nothing missed, memory within its budget, and then
// the hub sleeps again.
//
//   make soak            or   node tests/soak/storm.mjs [--clients 9000] [--io uring|epoll]
//
// The short form is in tests/integration/bench.test.mjs. Ends with 1 if a promise was broken.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bench } from "../integration/lib/bench.mjs";
import { cpuShare } from "../integration/lib/cpu.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { PeakMemory, megabytes } from "./lib/peak.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: { clients: { type: "string", default: "9000" }, io: { type: "string" } },
});
const secondsMax = 10;
const storms = 3;
const budgetBytes = 256 << 20;
const idleShareMax = 0.05; // of a CPU
const broken = [];
const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-storm-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

async function run(backend, protocol) {
  const env = { MEMORY_BYTES: String(budgetBytes) };
  const server = await startServer({ backend, shardCount: 3, env });
  const peak = new PeakMemory(server.pid);
  const isSse = protocol === "sse";
  const stream = isSse ? `${server.url}/api/live` : `${server.wsUrl}?last_event_id={id}`;
  const target = [stream, "--push", `${server.url}/api/live/push`, "--server-pid", server.pid];
  const load = ["-n", values.clients, "--rate", 20, "--cuts", storms];
  try {
    const { code, found } = await bench(directory, "storm", ...target, ...load);
    const idleShare = await cpuShare(server.pid, 3);
    report(`${backend}, ${protocol}`, code, found, peak.end(), idleShare);
    await server.stop();
  } finally {
    peak.end();
    server.kill();
  }
}

function report(cell, code, found, peakBytes, idleShare) {
  const seconds = found.back_seconds;
  console.log(
    `${cell}: ${found.storms} storms of ${values.clients} clients, all back ` +
      `after ${seconds?.toFixed(2)} s at the worst; ${found.messages} deliveries, ` +
      `${found.lost} lost, ${found.doubled} doubled, ${found.gaps} gaps; ` +
      `${megabytes(peakBytes)} at most; ${(100 * idleShare).toFixed(1)} % of a CPU afterwards`,
  );
  const wrong = {
    [found.failures.join("; ") || `livehub-bench ended with ${code}`]: code !== 0,
    [`back after ${seconds} s`]: !(seconds <= secondsMax),
    "not all storms": found.storms !== storms || !(found.messages > 0),
    "gaps were told": found.gaps !== 0,
    [`${peakBytes} bytes`]: peakBytes > budgetBytes,
    "it spins": idleShare > idleShareMax,
  };
  for (const [what, isSo] of Object.entries(wrong)) if (isSo) broken.push(`${cell}: ${what}`);
}

for (const backend of values.io ? [values.io] : ["uring", "epoll"]) {
  for (const protocol of ["sse", "ws"]) {
    await run(backend, protocol).catch((error) => {
      broken.push(`${backend} ${protocol}: ${error.message}`);
    });
  }
}
endWithVerdict(broken);
