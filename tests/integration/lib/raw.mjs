// A TCP client that shows the exact bytes, and a small strict reader of HTTP/1.1 responses.
import net from "node:net";
import { track } from "./cleanup.mjs";
import { Signal } from "./patience.mjs";

const headEnd = Buffer.from("\r\n\r\n");

// The peer is gone: by its code it is told from an answer that is wrong.
export const cut = (text) => Object.assign(new Error(text), { code: "ECONNRESET" });

export class Wire {
  bytes = Buffer.alloc(0); // received and not yet taken
  received = 0; // ever
  ended = false; // the peer's FIN came
  error = null;
  closed = false;
  #changed = new Signal();

  static async connect(server, { host = "127.0.0.1", port = server.port, from } = {}) {
    const options = { host, port, localAddress: from, allowHalfOpen: true, noDelay: true };
    const wire = new Wire(net.connect(options));
    await wire.until((w) => w.open || w.closed, "the connection");
    if (!wire.open) throw wire.error ?? cut("closed while connecting");
    return wire;
  }

  constructor(socket) {
    this.socket = track(socket, () => socket.destroy());
    socket.on("connect", () => {
      this.open = true;
      this.#changed.notify();
    });
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("end", () => {
      this.ended = true;
      this.#changed.notify();
    });
    socket.on("error", (error) => {
      this.error = error;
    });
    socket.on("close", () => {
      this.closed = true;
      this.#changed.notify();
    });
  }

  #take(chunk) {
    this.received += chunk.length;
    this.bytes = this.bytes.length ? Buffer.concat([this.bytes, chunk]) : chunk;
    this.#changed.notify();
  }

  get over() {
    return this.ended || this.closed;
  }

  until(condition, what, timeoutMs) {
    const seen = () =>
      `${what}; had ${this.received} bytes, ended ${this.ended}, ` +
      `error ${this.error?.code}, left: ` +
      JSON.stringify(this.bytes.toString("latin1").slice(0, 400));
    return this.#changed.until(() => condition(this), seen, timeoutMs);
  }

  // True once the kernel took it; false if the peer is gone.
  write(data) {
    return new Promise((resolve) => this.socket.write(data, (error) => resolve(!error)));
  }

  send(...lines) {
    return this.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  // Takes `count` bytes off the front.
  take(count) {
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken;
  }

  async exactly(count, what = `${count} bytes`) {
    await this.until((w) => w.bytes.length >= count || w.over, what);
    if (this.bytes.length < count)
      throw cut(`the connection ended before ${what}: ${this.bytes}`);
    return this.take(count);
  }

  async line() {
    await this.until((w) => w.bytes.includes("\r\n") || w.over, "a line");
    const end = this.bytes.indexOf("\r\n");
    if (end < 0)
      throw cut(`the connection ended inside a line: ${JSON.stringify(String(this.bytes))}`);
    return this.take(end + 2)
      .subarray(0, end)
      .toString("latin1");
  }

  // The next response's head; null if the connection ended without one.
  async head() {
    await this.until((w) => w.bytes.includes(headEnd) || w.over, "a response head");
    const end = this.bytes.indexOf(headEnd);
    if (end < 0) {
      if (this.bytes.length) throw cut(`half a head: ${JSON.stringify(String(this.bytes))}`);
      return null;
    }
    return parseHead(this.take(end + 4).toString("latin1"));
  }

  // The next response with its body. `bodiless` for answers to HEAD.
  async response({ bodiless = false } = {}) {
    const head = await this.head();
    if (!head) throw cut(`no response: ended ${this.ended}, error ${this.error?.code}`);
    const empty = bodiless || head.status === 204 || head.status < 200;
    head.body = empty ? "" : (await this.#body(head)).toString("utf8");
    return head;
  }

  async #body(head) {
    if (head.get("transfer-encoding") === "chunked") {
      const parts = [];
      for (;;) {
        const size = Number.parseInt(await this.line(), 16);
        if (size > 0) parts.push(await this.exactly(size));
        await this.line();
        if (size === 0) return Buffer.concat(parts);
      }
    }
    const length = head.get("content-length");
    if (length !== undefined) return this.exactly(Number(length), "the body");
    await this.untilOver();
    return this.take(this.bytes.length);
  }

  untilOver(timeoutMs) {
    return this.until((w) => w.over, "the end of the connection", timeoutMs);
  }

  destroy() {
    this.socket.destroy();
  }
}

export function parseHead(text) {
  const [start, ...lines] = text.replace(/\r\n\r\n$/, "").split("\r\n");
  const match = /^HTTP\/(1\.[01]) (\d{3})(?: (.*))?$/.exec(start);
  if (!match) throw new Error(`not a status line: ${JSON.stringify(start)}`);
  const headers = lines.map((line) => {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (!field) throw new Error(`not a header line: ${JSON.stringify(line)}`);
    return [field[1].toLowerCase(), field[2]];
  });
  return {
    version: match[1],
    status: Number(match[2]),
    headers,
    all: (name) => headers.filter(([n]) => n === name).map(([, value]) => value),
    get: (name) => headers.find(([n]) => n === name)?.[1],
  };
}

// One request on a connection of its own.
export async function exchange(server, text, { bodiless = false, ...options } = {}) {
  const wire = await Wire.connect(server, options);
  try {
    await wire.write(text);
    return await wire.response({ bodiless });
  } finally {
    wire.destroy();
  }
}

// A request's text from its parts; Host is there unless `headers` says otherwise.
export function request(method, target, headers = {}, body = "") {
  const lines = [`${method} ${target} HTTP/1.1`];
  for (const [name, value] of Object.entries({ Host: "hub.test", ...headers })) {
    if (value !== null) lines.push(`${name}: ${value}`);
  }
  if (body) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
