// 9,000 clients are cut off at once and come back where they were, while messages go on, on both
// backends: all back within the promised time, nothing missed.
//
//   make soak            or   node tests/soak/storm.mjs [--clients 9000]
//
// The short form is in tests/integration/bench.test.mjs. Ends with 1 if a promise was broken.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bench } from "../integration/lib/bench.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({ options: { clients: { type: "string", default: "9000" } } });
const secondsMax = 10;
const broken = [];
const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-storm-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

for (const backend of ["uring", "epoll"]) {
  for (const protocol of ["sse", "ws"]) {
    const server = await startServer({ backend, shardCount: 3 });
    process.on("exit", () => server.kill());
    const isSse = protocol === "sse";
    const stream = isSse ? `${server.url}/api/live` : `${server.wsUrl}?last_event_id={id}`;
    const target = [stream, "--push", `${server.url}/api/live/push`, "--server-pid", server.pid];
    const load = ["-n", values.clients, "--rate", 20, "--cuts", 3];
    const { code, found } = await bench(directory, "storm", ...target, ...load);
    const seconds = found.back_seconds;
    console.log(
      `${backend}, ${protocol}: ${found.storms} storms of ${values.clients} clients, all back ` +
        `after ${seconds?.toFixed(2)} s at the worst; ${found.lost} lost, ${found.doubled} doubled`,
    );
    const cell = `${backend} ${protocol}`;
    if (code !== 0 || found.failures.length > 0) broken.push(`${cell}: ${found.failures}`);
    if (!(seconds <= secondsMax)) broken.push(`${cell}: ${seconds} s`);
    await server.stop();
  }
}
endWithVerdict(broken);
