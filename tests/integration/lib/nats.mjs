// A real nats-server of the test's own (free ports, a store of its own), and a small client of its
// wire protocol to publish with.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { freeze, thaw } from "./freeze.mjs";
import { eventually } from "./patience.mjs";

const startsMost = 5;
const running = new Set();
process.on("exit", () => {
  for (const server of running) server.child?.kill("SIGKILL");
});
after(() => running.forEach((server) => server.close()));

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

export class NatsServer {
  // A port that was free a moment ago may be somebody's end of a connection now: then others.
  static async start({ args = ["-js"] } = {}) {
    for (let tries = 1; ; ++tries) {
      const server = new NatsServer(await freePort(), await freePort(), args);
      const error = await server.up().then(
        () => null,
        (reason) => reason,
      );
      if (!error) return server;
      if (tries === startsMost) throw error;
      server.close();
    }
  }

  constructor(port, monitorPort, args) {
    this.port = port;
    this.monitorPort = monitorPort;
    this.args = args;
    this.directory = mkdtempSync(path.join(os.tmpdir(), "livehub-nats-"));
    running.add(this);
  }

  get url() {
    return `nats://127.0.0.1:${this.port}`;
  }

  async up() {
    const ports = ["-p", String(this.port), "-m", String(this.monitorPort)];
    const args = ["-a", "127.0.0.1", ...ports, "-sd", this.directory, ...this.args];
    this.child = spawn("nats-server", args, { stdio: "ignore" });
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
    const { child } = this;
    await eventually(() => child.exitCode !== null || this.monitor("varz"), "nats-server");
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
    // It listens for clients only after that.
    await eventually(() => this.#listens(), "nats-server's clients' port");
  }
  #listens() {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, "127.0.0.1");
      socket.on("error", () => resolve(false));
      socket.once("data", () => {
        socket.destroy();
        resolve(true);
      });
    });
  }
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
  freeze() {
    freeze(this.child.pid);
  }
  thaw() {
    thaw(this.child.pid);
  }
  close() {
    this.child.kill("SIGKILL");
    running.delete(this);
    rmSync(this.directory, { recursive: true, force: true });
  }

  // What it says of itself: varz, connz?subs=1 and so on.
  async monitor(what) {
    return (await fetch(`http://127.0.0.1:${this.monitorPort}/${what}`)).json();
  }
  // The subjects that our process has subscribed for clients, in order.
  async subjects(name = "livehub drop") {
    const { connections } = await this.monitor("connz?subs=1");
    return connections
      .filter((connection) => connection.name === name)
      .flatMap((connection) => connection.subscriptions_list ?? [])
      .filter((subject) => !/^(_INBOX|livehub\.canary)\./.test(subject))
      .sort();
  }
}

// Publishes, and knows when the server has it.
export class NatsPublisher {
  #buffer = "";
  #pongs = [];

  static async connect(server, credentials = {}) {
    const socket = net.connect(server.port, "127.0.0.1");
    const publisher = new NatsPublisher(socket);
    const options = { verbose: false, name: "test", ...credentials };
    socket.write(`CONNECT ${JSON.stringify(options)}\r\n`);
    await publisher.flush();
    return publisher;
  }
  constructor(socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.#pongs.splice(0)) reject(new Error("NATS hung up"));
    });
    socket.on("data", (bytes) => {
      this.#buffer += bytes;
      const lines = this.#buffer.split("\r\n");
      this.#buffer = lines.pop();
      for (const line of lines) if (line === "PONG") this.#pongs.shift()?.resolve();
    });
  }
  publish(subject, value) {
    const payload = Buffer.isBuffer(value)
      ? value
      : Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
    this.socket.write(`PUB ${subject} ${payload.length}\r\n`);
    this.socket.write(payload);
    this.socket.write("\r\n");
  }
  flush() {
    return new Promise((resolve, reject) => {
      this.#pongs.push({ resolve, reject });
      this.socket.write("PING\r\n");
    });
  }
  async send(subject, value) {
    this.publish(subject, value);
    await this.flush();
  }
  close() {
    this.socket.destroy();
  }
}
