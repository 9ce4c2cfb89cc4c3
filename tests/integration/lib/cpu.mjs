// The CPU time that a process has used.
import { readFileSync, readdirSync } from "node:fs";
import { sleep } from "./patience.mjs";

export function cpuSeconds(pid) {
  const tasks = `/proc/${pid}/task`;
  const ns = (task) => Number(readFileSync(`${tasks}/${task}/schedstat`, "latin1").split(" ")[0]);
  return readdirSync(tasks).reduce((sum, task) => sum + ns(task), 0) / 1e9;
}

// How much of one CPU it takes in the next so many seconds.
export async function cpuShare(pid, seconds) {
  const before = cpuSeconds(pid);
  await sleep(seconds * 1000);
  return (cpuSeconds(pid) - before) / seconds;
}
