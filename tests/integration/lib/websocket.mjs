// WebSocket clients: `WsClient` around the npm library, and `WsWire`, frames by hand for what a
// library would never send.
import { createHash, randomBytes } from "node:crypto";
import WebSocket from "ws";
import { track } from "./cleanup.mjs";
import { Wire } from "./raw.mjs";
import { Signal } from "./patience.mjs";

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export class WsClient {
  messages = [];
  closed = null; // {code, reason}
  closedMs = 0; // when, as Date.now() has it
  failed = null; // why the handshake failed
  #changed = new Signal();

  static async open(server, { query = "", protocols = [], headers = {}, url } = {}) {
    const client = new WsClient(url ?? server.wsUrl + query, protocols, headers);
    await client.until((c) => c.opened || c.failed, "the handshake");
    if (client.failed) throw client.failed;
    return client;
  }

  constructor(url, protocols, headers) {
    this.socket = track(new WebSocket(url, protocols, { headers }), () => this.socket.terminate());
    this.socket.on("open", () => {
      this.opened = true;
      this.#changed.notify();
    });
    this.socket.on("message", (data, isBinary) => {
      if (isBinary) throw new Error("a binary frame");
      this.messages.push(data.toString("utf8"));
      this.#changed.notify();
    });
    this.socket.on("unexpected-response", (_, response) => {
      this.status = response.statusCode;
      this.headers = response.headers;
      this.failed = new Error(`refused with ${response.statusCode}`);
      this.failed.status = response.statusCode;
      response.destroy();
      this.#changed.notify();
    });
    this.socket.on("error", (error) => {
      this.failed ??= error;
      this.#changed.notify();
    });
    this.socket.on("close", (code, reason) => {
      this.closedMs = Date.now();
      this.closed = { code, reason: reason.toString("utf8") };
      this.#changed.notify();
    });
  }

  get frames() {
    return this.messages.map((text) => JSON.parse(text));
  }

  until(condition, what, timeoutMs) {
    const seen = () =>
      `${what}; ${this.messages.length} messages, closed ${JSON.stringify(this.closed)}, ` +
      `last ${JSON.stringify(this.messages.at(-1)?.slice(0, 200))}`;
    return this.#changed.until(() => condition(this), seen, timeoutMs);
  }

  async untilMessages(count) {
    await this.until((c) => c.messages.length >= count || c.closed, `${count} messages`);
    if (this.messages.length < count) {
      throw new Error(
        `closed (${this.closed.code}) after ${this.messages.length} of ${count} messages`,
      );
    }
    return this.messages;
  }

  untilMessage(data) {
    return this.until((c) => c.messages.includes(data), `the message ${data}`);
  }

  async untilClosed(timeoutMs) {
    await this.until((c) => c.closed, "the close", timeoutMs);
    return this.closed;
  }

  close() {
    this.socket.terminate();
  }
}

// The status of a handshake that must be refused.
export async function refusedHandshake(server, options) {
  const client = new WsClient(server.wsUrl + (options?.query ?? ""), [], options?.headers ?? {});
  await client.until((c) => c.opened || c.status || c.closed, "the refusal");
  client.close();
  if (client.opened) throw new Error("the handshake was accepted");
  return { status: client.status, headers: client.headers };
}

export class WsWire {
  static async open(server, { path = "/api/live/ws", headers = {}, ...options } = {}) {
    const wire = await Wire.connect(server, options);
    const key = randomBytes(16).toString("base64");
    await wire.write(upgradeRequest(path, { "Sec-WebSocket-Key": key, ...headers }));
    const head = await wire.head();
    if (head?.status !== 101)
      throw new Error(`no upgrade: ${head?.status ?? wire.error ?? "ended"}`);
    const expected = createHash("sha1")
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    if (head.get("sec-websocket-accept") !== expected)
      throw new Error("a wrong Sec-WebSocket-Accept");
    return new WsWire(wire, head);
  }

  constructor(wire, head) {
    this.wire = wire;
    this.head = head;
  }

  send(code, payload = "", options = {}) {
    return this.wire.write(frame(code, payload, options));
  }

  // The next frame; null if the connection ended before one.
  async frame() {
    await this.wire.until((w) => w.bytes.length >= 2 || w.over, "a frame");
    if (this.wire.bytes.length === 0) return null;
    const [first, second] = await this.wire.exactly(2);
    if (second & 0x80) throw new Error("the server masked a frame");
    let size = second & 0x7f;
    if (size === 126) size = (await this.wire.exactly(2)).readUInt16BE();
    else if (size === 127) size = Number((await this.wire.exactly(8)).readBigUInt64BE());
    const payload = await this.wire.exactly(size);
    return { fin: first >= 0x80, reserved: (first >> 4) & 7, opcode: first & 15, payload };
  }

  // Skips to the close frame: {code, reason}; null if the connection ended without one.
  async closeFrame() {
    for (;;) {
      const next = await this.frame();
      if (next === null) return null;
      if (next.opcode !== opcode.close) continue;
      if (next.payload.length === 0) return { code: 1005, reason: "" };
      return {
        code: next.payload.readUInt16BE(),
        reason: next.payload.subarray(2).toString("utf8"),
      };
    }
  }

  destroy() {
    this.wire.destroy();
  }
}

export function upgradeRequest(path, headers = {}) {
  const fields = {
    Host: "hub.test",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== null);
  return `GET ${path} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join("")}\r\n`;
}

// One client frame. `reserved`, `masked`, `fin` and `declared` (a length other than the true one)
// are for frames that break the rules.
export function frame(
  code,
  payload = "",
  { fin = true, reserved = 0, masked = true, declared } = {},
) {
  const body = Buffer.from(payload);
  const size = declared ?? body.length;
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | code];
  const mask = masked ? 0x80 : 0;
  if (size < 126) head.push(mask | size);
  else if (size < 65536) head.push(mask | 126, size >> 8, size & 255);
  else {
    const long = Buffer.alloc(8);
    long.writeBigUInt64BE(BigInt(size));
    head.push(mask | 127, ...long);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const key = randomBytes(4);
  const hidden = Buffer.from(body.map((byte, i) => byte ^ key[i & 3]));
  return Buffer.concat([Buffer.from(head), key, hidden]);
}

export function closePayload(code, reason = "") {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}
