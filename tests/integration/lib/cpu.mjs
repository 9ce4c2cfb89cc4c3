// The CPU time that a process has used.
import { readFileSync } from "node:fs";
import { sleep } from "./patience.mjs";

const ticksPerSecond = 100; // USER_HZ, the same on every Linux

// User and system, of threads that have ended too.
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

// How much of one CPU it takes in the next so many seconds.
export async function cpuShare(pid, seconds) {
  const before = cpuSeconds(pid);
  await sleep(seconds * 1000);
  return (cpuSeconds(pid) - before) / seconds;
}
