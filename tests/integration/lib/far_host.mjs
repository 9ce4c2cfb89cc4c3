// A host that can vanish: a network namespace of the test's own with a link to ours. What is sent
// to it is lost from vanish() on, without FIN, RST or an error of the link, and what it sends as
// well: its address is gone, so that its kernel drops all. comeBack() undoes that.
//
// Needs root (CAP_NET_ADMIN, CAP_SYS_ADMIN) and iproute2.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Signal } from "./patience.mjs";

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"] }).toString();
const clients = path.join(path.dirname(fileURLToPath(import.meta.url)), "far_clients.mjs");

let made = 0;

// Those of test processes that were killed.
function removeLeftovers() {
  for (const name of ip("netns", "list").match(/^lh-\d+-\d+/gm) ?? []) {
    if (!existsSync(`/proc/${name.split("-")[1]}`)) ip("netns", "del", name);
  }
}

// Why there can be none here; null where there can.
export function whyNoFarHost() {
  try {
    removeLeftovers();
    const host = new FarHost();
    host.remove();
    return null;
  } catch (error) {
    const text = String(error.stderr ?? error.message).trim();
    return `no network namespace with a link can be made here: ${text.slice(0, 100)}`;
  }
}

export class FarHost {
  #children = new Set();

  constructor() {
    const number = made++;
    this.name = `lh-${process.pid}-${number}`;
    const [near, far] = [`lh${process.pid}n${number}`, `lh${process.pid}f${number}`];
    this.far = far;
    const net = `10.${192 + ((process.pid >> 8) & 31)}.${process.pid & 255}`;
    this.nearAddress = `${net}.${4 * number + 1}`;
    this.farAddress = `${net}.${4 * number + 2}`;
    ip("netns", "add", this.name);
    process.on("exit", () => this.remove());
    ip("link", "add", near, "type", "veth", "peer", "name", far);
    ip("link", "set", far, "netns", this.name);
    ip("addr", "add", `${this.nearAddress}/30`, "dev", near);
    ip("link", "set", near, "up");
    this.#there("addr", "add", `${this.farAddress}/30`, "dev", far);
    this.#there("link", "set", far, "up");
    // That nobody answers must not be noticed by asking for its hardware address.
    const hardware = /link\/ether (\S+)/.exec(this.#there("link", "show", far))[1];
    ip("neigh", "replace", this.farAddress, "lladdr", hardware, "dev", near, "nud", "permanent");
  }

  #there(...args) {
    return ip("-n", this.name, ...args);
  }

  vanish() {
    this.#there("addr", "flush", "dev", this.far);
  }
  comeBack() {
    this.#there("addr", "add", `${this.farAddress}/30`, "dev", this.far);
  }

  // Clients over there, until all are open.
  async clients(server, counts) {
    const found = new FarClients(this, server, counts);
    this.#children.add(found);
    await found.until((c) => c.open === counts.sse + counts.ws, "the far clients to be open");
    return found;
  }

  remove() {
    if (!this.name) return;
    for (const child of this.#children) child.close();
    try {
      ip("netns", "del", this.name);
    } catch {
      // half made
    }
    this.name = null;
  }
}

class FarClients {
  open = 0;
  ended = 0;
  messages = 0; // of all of them
  #changed = new Signal();

  constructor(host, server, { sse, ws }) {
    const args = [host.nearAddress, server.port, sse, ws].map(String);
    const command = ["netns", "exec", host.name, process.execPath, clients, ...args];
    this.child = spawn("ip", command, { stdio: ["ignore", "pipe", "inherit"] });
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) Object.assign(this, JSON.parse(line));
      this.#changed.notify();
    });
  }

  until(condition, what, timeoutMs) {
    const seen = () => `${what}: ${this.open} open, ${this.ended} ended, ${this.messages} messages`;
    return this.#changed.until(() => condition(this), seen, timeoutMs);
  }

  close() {
    this.child.kill("SIGKILL");
  }
}
