// A TCP proxy that stands between a client and the server so that a test can cut the line, and keep
// it cut, while both ends stay alive.
import net from "node:net";
import { track } from "./cleanup.mjs";

const garbage = Buffer.from(
  "HTTP/1.1 400 Bad Request\r\n\r\n\xff\x00 no broker\r\n",
  "latin1",
);

export class Proxy {
  #pairs = new Set();
  #server;
  passing = true;
  frozen = false; // what the server says is held back; nobody is told
  garbling = false; // clients are told nonsense, old ones and new
  accepted = 0;

  // What the server says to a client passes the stream that `through(proxy)` makes (lib/deaf.mjs).
  static async start(target, { host = "127.0.0.1", port = 0, through } = {}) {
    const proxy = track(new Proxy());
    proxy.target = target;
    proxy.through = through;
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
    if (this.garbling) return this.#garble(client);
    const server = net.connect({ host: "127.0.0.1", port: this.target.port });
    const upstream = this.through ? server.pipe(this.through(this)) : server;
    const pair = { client, upstream };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
      server.destroy();
    };
    for (const stream of new Set([client, upstream, server]))
      stream.on("error", end).on("close", end);
    client.pipe(server);
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

  // Everybody who is connected, or does so until `mend()`, is told what no broker says.
  garble() {
    this.garbling = true;
    for (const { client, upstream } of this.#pairs) {
      upstream.unpipe(client);
      client.write(garbage);
    }
  }
  #garble(client) {
    const pair = { client, upstream: client };
    this.#pairs.add(pair);
    client.on("error", () => {}).on("close", () => this.#pairs.delete(pair));
    client.on("data", () => client.write(garbage));
  }

  // The next reply of each connection is cut in two, and the second half never comes; resolves when
  // the first has been.
  cutInReply() {
    const cuts = [...this.#pairs].map(
      ({ client, upstream }) =>
        new Promise((resolve) => {
          upstream.unpipe(client);
          upstream.once("data", (reply) => {
            client.write(reply.subarray(0, Math.ceil(reply.length / 2)), () => {
              client.resetAndDestroy();
              resolve();
            });
          });
          upstream.resume();
        }),
    );
    return Promise.race(cuts);
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
    if (!this.garbling) return;
    this.garbling = false;
    // Not by a reset: with something unsent in it such a socket keeps this process alive.
    for (const { client } of this.#pairs) client.destroy();
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
