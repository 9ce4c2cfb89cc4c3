// A TCP proxy that stands between a client and the server so that a test can cut the line, and keep
// it cut, while both ends stay alive.
import net from "node:net";
import { track } from "./cleanup.mjs";

export class Proxy {
  #pairs = new Set();
  #server;
  passing = true;
  frozen = false; // what the server says is held back; nobody is told
  accepted = 0;

  static async start(target, { host = "127.0.0.1", port = 0 } = {}) {
    const proxy = track(new Proxy());
    proxy.target = target;
    proxy.#server = net.createServer((client) => proxy.#join(client));
    await new Promise((resolve) => proxy.#server.listen(port, host, resolve));
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  #join(client) {
    if (!this.passing) {
      client.resetAndDestroy();
      return;
    }
    this.accepted++;
    const upstream = net.connect({ host: "127.0.0.1", port: this.target.port });
    const pair = { client, upstream };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
    client.pipe(upstream);
    if (!this.frozen) upstream.pipe(client);
  }

  // The line to the clients stands still, with all that comes meanwhile in it.
  freeze() {
    this.frozen = true;
    for (const { client, upstream } of this.#pairs) upstream.unpipe(client).pause();
  }
  thaw() {
    this.frozen = false;
    for (const { client, upstream } of this.#pairs) upstream.pipe(client);
  }

  get open() {
    return this.#pairs.size;
  }

  // Resets every connection through it; new ones are refused until `mend()`.
  cut() {
    this.passing = false;
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  mend() {
    this.passing = true;
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
