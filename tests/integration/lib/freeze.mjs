// A process stands still. SIGSTOP is asynchronous: a busy machine's server may answer once more
// after kill() returned, so a test that goes on then has frozen nothing yet.
import { readFileSync, readdirSync } from "node:fs";

function standsStill(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) => {
      // "PID (NAME) STATE …", proc(5)
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8");
      return "TZX".includes(stat[stat.lastIndexOf(") ") + 2]);
    });
  } catch {
    return false; // a thread ended meanwhile: look again
  }
}

// Blocks: a stop takes microseconds, and no event of ours may come in between.
export function freeze(...pids) {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  for (const pid of pids) while (!standsStill(pid));
}

export function thaw(...pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGCONT");
    } catch {
      // it had ended
    }
  }
}
