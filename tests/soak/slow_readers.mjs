// A thousand clients that never read under 100 messages of 1 KB a second, until all of them are cut
// or full, and a hundred others who read. Both backends.
//
//   make soak            or   node tests/soak/slow_readers.mjs [--clients 1000] [--seconds 80]
//
// The short form is tests/integration/slow_reader.test.mjs. Ends with 1 if a reader missed a
// message, the memory went over its budget, or the readers' 99th percentile suffered.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bench } from "../integration/lib/bench.mjs";
import { residentBytes } from "../integration/lib/hostile.mjs";
import { openStreams } from "../integration/lib/half_open.mjs";
import { eventually, range } from "../integration/lib/patience.mjs";
import { Wire, request } from "../integration/lib/raw.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    seconds: { type: "string", default: "80" },
  },
});
const budgetBytes = 256 << 20;
const readerCount = 100;
const worseMax = 1.2;
const noiseMs = 5; // of a machine with two busy cores
const broken = [];
const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-slow-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

// Clients that ask for the stream and never read from it.
async function openStuck(server, count) {
  const wires = [];
  for (let i = 0; i < count; i += 100) {
    await Promise.all(
      range(Math.min(100, count - i)).map(async () => {
        const wire = await Wire.connect(server);
        wires.push(wire);
        wire.socket.pause();
        await wire.write(request("GET", "/api/live"));
      }),
    );
  }
  await eventually(async () => (await openStreams(server)) === count, "the stuck clients");
  return wires;
}

// What `run` gives, and the most memory that the hub had meanwhile.
async function watched(server, run) {
  let peak = 0;
  const look = () => (peak = Math.max(peak, residentBytes(server.pid)));
  const watching = setInterval(look, 500);
  const outcome = await run();
  clearInterval(watching);
  return { ...outcome, peak };
}

const readers = (server, seconds) =>
  bench(
    ...[directory, "broadcast", `${server.url}/api/live`, "--push", `${server.url}/api/live/push`],
    ...["-n", readerCount, "--rate", 100, "--bytes", 1024, "--seconds", seconds],
  );

for (const backend of ["uring", "epoll"]) {
  const env = { MEMORY_BYTES: String(budgetBytes) };
  const server = await startServer({ backend, shardCount: 2, env });
  process.on("exit", () => server.kill());
  const alone = await readers(server, 10);
  const stuck = await openStuck(server, Number(values.clients));
  const beside = await watched(server, () => readers(server, Number(values.seconds)));
  const left = await openStreams(server);
  for (const wire of stuck) wire.destroy();
  const [before, after] = [alone.found.latency_p99_ms, beside.found.latency_p99_ms];
  console.log(
    `${backend}: ${values.clients} stuck clients, ${left} left after ${values.seconds} s; ` +
      `${(beside.peak / 1048576).toFixed(0)} MB at most; the readers' 99th percentile ` +
      `${before} ms alone, ${after} ms beside them; ${beside.found.lost} lost`,
  );
  for (const { code, found } of [alone, beside])
    if (code !== 0) broken.push(`${backend}: ${found.failures}`);
  if (beside.peak > budgetBytes) broken.push(`${backend}: ${beside.peak} bytes`);
  if (!(after <= worseMax * before + noiseMs)) broken.push(`${backend}: the readers waited`);
  await server.stop();
}
endWithVerdict(broken);
