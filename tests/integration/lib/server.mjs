// The program under test as a child process: starts it on free ports, keeps what it prints, stops
// it by its own process id and looks at how it ended.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { Signal, eventually, patienceMs } from "./patience.mjs";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const binary = process.env.LIVEHUB_BIN ?? path.join(root, "build/livehub");
export const io = process.env.LIVEHUB_TEST_IO ?? "epoll";
export const shards = Number(process.env.LIVEHUB_TEST_SHARDS ?? 1);
// The long forms (make test-full).
export const full = process.env.LIVEHUB_TEST_FULL === "1";
export const sanitized = /build-(asan|tsan)/.test(binary);

const sanitizerReport = /(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error):/;
const running = new Set();
// A shared server is stopped by its file; one that a failed test has left behind must not keep the
// file from ending.
after(() => setTimeout(() => running.forEach((server) => server.kill()), 15_000).unref());
const killAll = () => running.forEach((server) => server.child.kill("SIGKILL"));
process.on("exit", killAll);
// A script (tests/soak) that an error ends does not come by there: node:test is loaded. In a test
// it is that test's failure alone.
if (!process.argv[1]?.endsWith(".test.mjs")) process.on("uncaughtExceptionMonitor", killAll);

export class Server {
  stdout = "";
  stderr = "";
  port = 0;
  adminPort = 0;
  exited = null; // {code, signal} once it has ended
  #changed = new Signal();

  constructor(command, args, env, options) {
    this.env = env;
    this.child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], ...options });
    running.add(this);
    for (const name of ["stdout", "stderr"]) {
      this.child[name].setEncoding("utf8").on("data", (text) => {
        this[name] += text;
        this.#changed.notify();
      });
    }
    const ended = (code, signal) => {
      if (this.exited) return;
      running.delete(this);
      this.exited = { code, signal };
      this.#changed.notify();
    };
    this.child.on("error", (error) => {
      this.stderr += String(error);
      ended(-1, null);
    });
    this.child.on("close", ended);
  }

  get pid() {
    return this.child.pid;
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  get adminUrl() {
    return `http://127.0.0.1:${this.adminPort}`;
  }
  get wsUrl() {
    return `ws://127.0.0.1:${this.port}/api/live/ws`;
  }
  get output() {
    return `--- stdout\n${this.stdout}--- stderr\n${this.stderr}---`;
  }

  until(condition, what, timeoutMs) {
    return this.#changed.until(
      () => condition(this),
      () => `${what}\n${this.output}`,
      timeoutMs,
    );
  }

  async untilListening() {
    const line = /^livehub listening port=(\d+) admin=(\S+)$/m;
    await this.until((s) => line.test(s.stdout) || s.exited, "the listening line");
    const match = line.exec(this.stdout);
    if (!match)
      throw new Error(`ended before it listened: ${JSON.stringify(this.exited)}\n${this.output}`);
    this.port = Number(match[1]);
    this.adminPort = Number(match[2]) || 0;
    return this;
  }

  async untilExit(timeoutMs = patienceMs) {
    await this.until((s) => s.exited, "its end", timeoutMs);
    assert.doesNotMatch(this.stderr, sanitizerReport);
    this.#keepsSecrets();
    return this.exited;
  }

  // Whatever a test did: no secret that it set is in what was printed, and no token of anybody.
  #keepsSecrets() {
    assert.doesNotMatch(this.output, /eyJ[\w-]+\.[\w-]+\.[\w-]*/);
    for (const [name, value] of Object.entries(this.env ?? {}))
      if (/_(TOKEN|SECRET)$/.test(name) && value.length >= 8)
        assert.ok(!this.output.includes(value), `${name} is in its output\n${this.output}`);
  }

  // Ends it as a supervisor would and insists on exit 0, since that is part of the promise.
  async stop(signal = "SIGTERM") {
    if (!this.exited) {
      this.child.kill(signal);
      try {
        await this.untilExit();
      } catch (error) {
        this.kill();
        throw error;
      }
    }
    assert.deepEqual(this.exited, { code: 0, signal: null }, `how it ended\n${this.output}`);
  }

  kill() {
    this.child.kill("SIGKILL");
  }
}

// Starts it without waiting. Its environment is exactly what is given: nothing of ours may leak in.
export function launch({
  args = [],
  env = {},
  port = 0,
  adminPort = "auto",
  descriptors,
  wrapper = [],
  command = "serve",
  profile = "live-data",
  backend = io,
  shardCount = shards,
  cwd,
} = {}) {
  const line = [binary, command];
  if (profile) line.push("--profile", profile);
  if (port !== null) line.push("--port", String(port));
  if (adminPort !== null) line.push("--admin-port", String(adminPort));
  if (command === "serve") line.push("--shards", String(shardCount), "--io", backend);
  line.push(...args);
  if (descriptors) line.unshift("sh", "-c", `ulimit -n ${descriptors} && exec "$0" "$@"`);
  line.unshift(...wrapper);
  const base = { PATH: process.env.PATH, HOME: os.tmpdir(), LANG: "C.UTF-8", DRAIN_SECONDS: "1" };
  for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"]) {
    if (process.env[name]) base[name] = process.env[name];
  }
  return new Server(line[0], line.slice(1), { ...base, ...env }, { cwd });
}

export const startServer = (options) => launch(options).untilListening();

export async function withServer(options, body) {
  const server = await startServer(options);
  try {
    await body(server);
  } catch (error) {
    server.kill();
    throw withOutput(error, server);
  }
  await server.stop();
}

// Starts `count` servers by start(), one after the other; body gets them all.
export async function withServers(count, start, body) {
  const servers = [];
  try {
    for (let i = 0; i < count; i++) servers.push(await start());
    await body(servers);
    for (const server of servers) await server.stop();
  } catch (error) {
    throw servers.reduce(withOutput, error);
  } finally {
    servers.forEach((server) => server.kill());
  }
}

export const isReady = async (server) => (await fetch(`${server.adminUrl}/ready`)).status === 200;
export const untilReady = (server) => eventually(() => isReady(server), "readiness");
export const untilRed = (server) =>
  eventually(async () => !(await isReady(server)), "readiness to be red");

// A start that must not succeed: returns the process after it ended by itself.
export async function refusedStart(options) {
  const server = launch(options);
  try {
    await server.until((s) => s.exited || /livehub listening/.test(s.stdout), "its refusal");
    assert.ok(server.exited, `it started although it had to refuse\n${server.output}`);
    assert.notEqual(server.exited.code, 0, `a refusal must not exit 0\n${server.output}`);
    assert.equal(
      server.exited.signal,
      null,
      `a refusal is a sentence, not a signal\n${server.output}`,
    );
    return server;
  } finally {
    server.kill();
  }
}

function withOutput(error, server) {
  if (error instanceof Error) {
    error.message +=
      `\n(server: ${server.exited ? JSON.stringify(server.exited) : "running"})\n` +
      server.output.slice(-4000);
  }
  return error;
}

export function temporaryDirectory(t) {
  const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
