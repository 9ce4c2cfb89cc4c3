// A real PostgreSQL in a directory of its own, on a free port, as a user without privileges (the
// server refuses root), and pgbouncer before it. Every process is ended by the id it was given.
import { execFile, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { openSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freeze, thaw } from "./freeze.mjs";
import { Signal, eventually } from "./patience.mjs";

const run = promisify(execFile);
const packages = "/usr/lib/postgresql";
const bin = path.join(
  packages,
  readdirSync(packages)
    .filter((version) => existsSync(path.join(packages, version, "bin/postgres")))
    .sort((a, b) => Number(b) - Number(a))[0],
  "bin",
);
const isRoot = process.getuid() === 0;
const id = (flag) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
const user = isRoot ? { uid: id("-u"), gid: id("-g") } : {};
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGQUIT")));

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

function scratch() {
  const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-pg-"));
  if (isRoot) chownSync(directory, user.uid, user.gid);
  return directory;
}

function start(command, args, directory) {
  const log = openSync(path.join(directory, "log"), "a");
  // It ends with us, also where we are killed.
  const child = spawn("setpriv", ["--pdeathsig", "QUIT", command, ...args], {
    cwd: directory,
    stdio: ["ignore", log, log],
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    ...user,
  });
  running.add(child);
  child.ended = new Promise((resolve) =>
    child.on("exit", () => {
      running.delete(child);
      resolve();
    }),
  );
  return child;
}

export class Postgres {
  #frozen = [];

  static async start() {
    const server = new Postgres();
    server.directory = scratch();
    server.data = path.join(server.directory, "data");
    const file = path.join(server.directory, "password");
    writeFileSync(file, "pass/word\n");
    if (isRoot) chownSync(file, user.uid, user.gid);
    const args = ["-D", server.data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", file];
    const made = start(
      path.join(bin, "initdb"),
      [...args, "-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
      server.directory,
    );
    await made.ended;
    if (made.exitCode !== 0) throw new Error(`initdb failed\n${server.log}`);
    await server.up();
    return server;
  }

  get log() {
    return readFileSync(path.join(this.directory, "log"), "utf8");
  }

  url({ port = this.port, parameters = "" } = {}) {
    return `postgres://owner:pass%2Fword@127.0.0.1:${port}/postgres${parameters}`;
  }

  // Starts it, on the port it had before.
  async up() {
    this.port ??= await freePort();
    const settings = ["listen_addresses=127.0.0.1", "fsync=off", "shared_buffers=16MB"];
    settings.push("max_connections=40", "log_min_messages=warning");
    this.child = start(
      path.join(bin, "postgres"),
      [
        ...["-D", this.data, "-p", String(this.port), "-k", this.directory],
        ...settings.flatMap((setting) => ["-c", setting]),
      ],
      this.directory,
    );
    const isReady = () => run(path.join(bin, "pg_isready"), ["-d", this.url()]).then(() => true);
    await eventually(isReady, `postgres on port ${this.port}`);
  }

  // SIGINT ends it in order, SIGQUIT as a crash would.
  async down(signal = "SIGINT") {
    this.thaw();
    this.child.kill(signal);
    await this.child.ended;
  }

  // All of its processes at once, as no crash of its own does.
  async kill() {
    for (const pid of this.#processes()) process.kill(pid, "SIGKILL");
    await this.child.ended;
  }

  async end() {
    await this.down("SIGQUIT");
    rmSync(this.directory, { recursive: true, force: true });
  }

  #processes() {
    const { pid } = this.child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/);
    return [pid, ...children.filter(Boolean).map(Number)];
  }
  freeze() {
    this.#frozen = this.#processes();
    freeze(...this.#frozen);
  }
  thaw() {
    thaw(...this.#frozen);
    this.#frozen = [];
  }

  // What psql prints, one row a line.
  async sql(text) {
    const child = run(path.join(bin, "psql"), [
      ...["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", this.url(), "-c", text],
    ]);
    return (await child).stdout.trim();
  }

  // Runs a file of statements with psql.
  file(name) {
    return run(path.join(bin, "psql"), ["-X", "-q", "-d", this.url(), "-f", name]);
  }

  notify(name, payload) {
    return this.sql(notification(name, payload));
  }

  terminateOurs() {
    return this.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
        "WHERE application_name = 'livehub'",
    );
  }
}

export function notification(name, payload) {
  const quoted = (value) => `'${value.replaceAll("'", "''")}'`;
  return `SELECT pg_notify(${quoted(name)}, ${quoted(payload)})`;
}

// A psql that stays: statements without a connection for each. A failed one ends it.
export class Session {
  #said = "";
  #count = 0;
  #changed = new Signal();
  hasEnded = false;

  constructor(server) {
    const args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", server.url()];
    this.child = spawn(path.join(bin, "psql"), args, { stdio: ["pipe", "pipe", "ignore"] });
    running.add(this.child);
    this.child.stdout.on("data", (text) => {
      this.#said += text;
      this.#changed.notify();
    });
    this.child.stdin.on("error", () => {}); // it has ended
    this.child.on("close", () => {
      running.delete(this.child);
      this.hasEnded = true;
      this.#changed.notify();
    });
  }
  async run(text) {
    const mark = `done ${++this.#count}`;
    this.child.stdin.write(`${text};\n\\echo ${mark}\n`);
    await this.#changed.until(() => this.hasEnded || this.#said.includes(`${mark}\n`), mark);
    if (this.hasEnded) throw new Error("psql has ended");
    this.#said = "";
  }
  end() {
    this.child.kill("SIGKILL");
  }
}

// In transaction mode, to the given server.
export class Pooler {
  static async start(server) {
    const pooler = new Pooler();
    pooler.directory = scratch();
    pooler.port = await freePort();
    const file = path.join(pooler.directory, "pgbouncer.ini");
    writeFileSync(
      file,
      `[databases]\npostgres = host=127.0.0.1 port=${server.port} user=owner password=pass/word\n` +
        `[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${pooler.port}\nauth_type = any\n` +
        "pool_mode = transaction\nunix_socket_dir =\n",
    );
    pooler.child = start("/usr/sbin/pgbouncer", [file], pooler.directory);
    const url = server.url({ port: pooler.port });
    const isReady = () => run(path.join(bin, "pg_isready"), ["-d", url]).then(() => true);
    await eventually(isReady, "pgbouncer");
    return pooler;
  }
  async end() {
    this.child.kill("SIGQUIT");
    await this.child.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
