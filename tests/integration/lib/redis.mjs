// A real redis-server for a test, on a free port and in a directory of its own, and a small client
// for what the test itself does there.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { track } from "./cleanup.mjs";
import { freeze, thaw } from "./freeze.mjs";
import { Signal, eventually } from "./patience.mjs";

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Redis {
  static async start({ args = [], port } = {}) {
    const self = track(new Redis(), (redis) => redis.remove());
    self.directory = mkdtempSync(path.join(os.tmpdir(), "livehub-redis-"));
    self.args = args;
    for (let attempt = 0; attempt < 10; attempt++) {
      self.port = port ?? (await freePort());
      if (await self.restart()) return self;
    }
    throw new Error(`redis-server does not start:\n${self.log}`);
  }

  // False: the port was taken meanwhile.
  async restart() {
    const fixed = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.directory];
    const quiet = ["--save", "", "--appendonly", "no", "--logfile", "log"];
    this.child = spawn("redis-server", [...fixed, ...quiet, ...this.args], { stdio: "ignore" });
    running.add(this.child);
    let over = false;
    const { child } = this;
    const ended = () => {
      over = true;
      running.delete(child);
    };
    child.on("close", ended).on("error", ended);
    await eventually(() => over || this.#answers(), "redis-server");
    return !over;
  }

  async #answers() {
    const client = new RedisClient(this.port);
    try {
      return (await client.command("PING")) === "PONG";
    } catch {
      return false;
    } finally {
      client.close();
    }
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }
  get log() {
    try {
      return readFileSync(path.join(this.directory, "log"), "utf8");
    } catch {
      return "";
    }
  }
  client() {
    return track(new RedisClient(this.port));
  }
  async command(...args) {
    const client = new RedisClient(this.port);
    try {
      return await client.command(...args);
    } finally {
      client.close();
    }
  }
  freeze() {
    freeze(this.child.pid);
  }
  thaw() {
    thaw(this.child.pid);
  }
  kill() {
    const over = new Promise((resolve) => this.child.once("close", resolve));
    this.child.kill("SIGKILL");
    return over;
  }
  remove() {
    this.child?.kill("SIGKILL");
    if (this.directory) rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

// One connection; commands are answered in order. An error reply rejects.
export class RedisClient {
  #waiting = [];
  #bytes = Buffer.alloc(0);
  #changed = new Signal();

  constructor(port) {
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.on("data", (part) => {
      this.#bytes = Buffer.concat([this.#bytes, part]);
      for (;;) {
        const found = parse(this.#bytes, 0);
        if (!found) return;
        this.#bytes = this.#bytes.subarray(found.end);
        const { resolve, reject } = this.#waiting.shift();
        if (found.value instanceof Error) reject(found.value);
        else resolve(found.value);
        this.#changed.notify();
      }
    });
    const fail = (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error ?? new Error("closed"));
    };
    this.socket.on("error", fail).on("close", () => fail());
  }

  command(...args) {
    const parts = args.map((arg) => Buffer.from(String(arg)));
    const pieces = [Buffer.from(`*${parts.length}\r\n`)];
    for (const part of parts) pieces.push(Buffer.from(`$${part.length}\r\n`), part, crlf);
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error("closed"));
      this.#waiting.push({ resolve, reject });
      this.socket.write(Buffer.concat(pieces));
    });
  }

  close() {
    this.socket.destroy();
  }
}

const crlf = Buffer.from("\r\n");

// The value at `from`, or null while it is incomplete.
function parse(bytes, from) {
  const line = bytes.indexOf(crlf, from);
  if (line < 0) return null;
  const text = bytes.toString("utf8", from + 1, line);
  const end = line + 2;
  switch (String.fromCharCode(bytes[from])) {
    case "+":
      return { value: text, end };
    case "-":
      return { value: new Error(text), end };
    case ":":
      return { value: Number(text), end };
    case "$": {
      const size = Number(text);
      if (size < 0) return { value: null, end };
      if (bytes.length < end + size + 2) return null;
      return { value: bytes.toString("utf8", end, end + size), end: end + size + 2 };
    }
    case "*": {
      if (Number(text) < 0) return { value: null, end };
      const value = [];
      let at = end;
      for (let i = 0; i < Number(text); i++) {
        const item = parse(bytes, at);
        if (!item) return null;
        value.push(item.value);
        at = item.end;
      }
      return { value, end: at };
    }
    default:
      throw new Error(`not Redis's protocol: ${bytes.toString("latin1", from, line)}`);
  }
}
