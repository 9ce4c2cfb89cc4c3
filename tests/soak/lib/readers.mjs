// A hundred clients who read a hundred messages of 1 KB a second, as livehub-bench sees them.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { bench } from "../../integration/lib/bench.mjs";

const load = ["-n", 100, "--rate", 100, "--bytes", 1024];
const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-readers-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

// Their 99th percentile in ms over so many seconds. Rejects if one of them missed a message.
export async function p99OfReaders(server, seconds) {
  const target = [`${server.url}/api/live`, "--push", `${server.url}/api/live/push`];
  const run = [...target, ...load, "--seconds", seconds];
  const { code, found, output } = await bench(directory, "broadcast", ...run);
  if (code !== 0) throw new Error(`the readers: ${found.failures.join("; ") || output}`);
  return found.latency_p99_ms;
}
