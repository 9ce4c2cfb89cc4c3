// A broker that moves: its name, `broker.test`, is looked up by the program under test with
// tests/tools/moving_name.cc loaded into it, and stands for a proxy on 127.0.0.2, later for one on
// 127.0.0.3, on one port. The program itself is the one that is shipped.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { track } from "./cleanup.mjs";
import { Proxy } from "./proxy.mjs";
import { root } from "./server.mjs";

const directory = mkdtempSync(path.join(os.tmpdir(), "livehub-name-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const library = path.join(directory, "moving_name.so");

function isFree(host, port) {
  return new Promise((resolve) => {
    const probe = net.createServer().on("error", () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

export class MovingName {
  name = "broker.test";
  #file = path.join(directory, "address");

  // Before `broker`, which has a port.
  static async start(broker) {
    const moving = new MovingName();
    moving.broker = broker;
    execFileSync("c++", [
      ...["-std=c++20", "-shared", "-fPIC", "-o", library],
      ...[path.join(root, "tests/tools/moving_name.cc"), "-ldl"],
    ]);
    do moving.proxy = await Proxy.start(broker, { host: "127.0.0.2" });
    while (!(await isFree("127.0.0.3", moving.proxy.port)));
    writeFileSync(moving.#file, "127.0.0.2\n");
    return track(moving, () => {});
  }

  get port() {
    return this.proxy.port;
  }
  get env() {
    return { LD_PRELOAD: library, MOVING_NAME_FILE: this.#file };
  }

  // Where it was, nobody listens any more.
  async leave() {
    await this.proxy.close();
  }
  async arrive() {
    const { port } = this.proxy;
    writeFileSync(this.#file, "127.0.0.3\n");
    this.proxy = await Proxy.start(this.broker, { host: "127.0.0.3", port });
  }
}
