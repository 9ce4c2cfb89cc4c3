// The program's commands as child processes: what they print, how they end, and standard input.
import { spawn } from "node:child_process";
import os from "node:os";
import { track } from "./cleanup.mjs";
import { Signal, patienceMs } from "./patience.mjs";
import { binary } from "./server.mjs";

// The environment is exactly what is given: nothing of ours may leak in.
export const toolEnvironment = (env = {}) => {
  const base = { PATH: process.env.PATH, HOME: os.tmpdir(), LANG: "C.UTF-8", TERM: "xterm" };
  for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"]) {
    if (process.env[name]) base[name] = process.env[name];
  }
  return { ...base, ...env };
};

export class Tool {
  stdout = "";
  stderr = "";
  exited = null;
  #changed = new Signal();

  // `wrapper` stands before the program, as in ["script", "-qc"].
  constructor(args, { env, input, command = [binary, ...args] } = {}) {
    this.child = spawn(command[0], command.slice(1), { env: toolEnvironment(env) });
    track(this, (tool) => tool.child.kill("SIGKILL"));
    for (const name of ["stdout", "stderr"]) {
      this.child[name].setEncoding("utf8").on("data", (text) => {
        this[name] += text;
        this.#changed.notify();
      });
    }
    this.child.stdin.on("error", () => {}); // it may end before it has read all
    this.child.on("close", (code, signal) => {
      this.exited = { code, signal };
      this.#changed.notify();
    });
    if (input !== undefined) this.child.stdin.end(input);
  }

  get lines() {
    return this.stdout.split("\n").slice(0, -1);
  }
  get output() {
    return `--- stdout\n${this.stdout}--- stderr\n${this.stderr}--- ${JSON.stringify(this.exited)}`;
  }
  until(condition, what) {
    return this.#changed.until(
      () => condition(this),
      () => `${what}\n${this.output}`,
    );
  }
  untilLines(count) {
    return this.until((tool) => tool.lines.length >= count, `${count} lines`);
  }
  async end(timeoutMs = patienceMs) {
    await this.#changed.until(
      () => this.exited,
      () => `its end\n${this.output}`,
      timeoutMs,
    );
    return this;
  }
}

// Runs a command to its end.
export const runTool = (args, options = {}) => new Tool(args, { input: "", ...options }).end();
