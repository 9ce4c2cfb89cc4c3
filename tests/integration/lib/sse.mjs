// A strict SSE client on a bare socket: it checks the framing (chunks, blank lines, no CR) instead
// of forgiving it, and knows whether the stream ended properly. A gzip stream is read as it comes;
// its trailer is not waited for.
import zlib from "node:zlib";
import { Wire, cut } from "./raw.mjs";
import { Signal } from "./patience.mjs";

export class SseClient {
  blocks = []; // every block in order, comments too
  bodyBytes = 0; // of the stream, compressed or not, without the HTTP framing
  messages = []; // data of the blocks without an event name
  text = ""; // the stream's bytes after the HTTP framing
  ended = false; // properly: last chunk seen, or (unchunked) FIN
  cut = false; // the connection ended before that
  lastId = undefined;
  #changed = new Signal();
  failed = null; // what was wrong with the compressed stream
  #gunzip = null;
  #pending = Buffer.alloc(0); // still inside the HTTP framing
  #rest = ""; // an incomplete block
  #decoder = new TextDecoder("utf-8", { fatal: true });

  static async open(
    server,
    { path = "/api/live", headers = {}, version = "1.1", hostName = "hub.test", host, port } = {},
  ) {
    const wire = await Wire.connect(server, { host, port });
    const lines = [
      `GET ${path} HTTP/${version}`,
      `Host: ${hostName}`,
      "Accept: text/event-stream",
    ];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    await wire.send(...lines);
    const head = await wire.head();
    if (!head)
      throw cut(`no answer to the stream's request (${wire.error?.code ?? "ended"})`);
    return new SseClient(wire, head);
  }

  constructor(wire, head) {
    this.wire = wire;
    this.head = head;
    this.chunked = head.get("transfer-encoding") === "chunked";
    if (head.get("content-encoding") === "gzip") {
      this.#gunzip = zlib.createGunzip();
      this.#gunzip.on("data", (bytes) => {
        this.#stream(bytes);
        this.#changed.notify();
      });
      this.#gunzip.on("error", (error) => {
        this.failed = error;
        this.#changed.notify();
      });
    }
    wire.socket.removeAllListeners("data");
    wire.socket.on("data", (bytes) => this.#feed(bytes));
    wire.socket.on("end", () => this.#over());
    wire.socket.on("close", () => this.#over());
    this.#feed(wire.take(wire.bytes.length));
    if (wire.over) this.#over();
  }

  #over() {
    if (!this.chunked && !this.wire.error && this.wire.ended) this.ended = true;
    if (!this.ended) this.cut = true;
    this.#changed.notify();
  }

  #feed(bytes) {
    if (!this.chunked) {
      this.#body(bytes);
    } else {
      this.#pending = this.#pending.length ? Buffer.concat([this.#pending, bytes]) : bytes;
      while (this.#chunk());
    }
    this.#changed.notify();
  }

  #chunk() {
    const end = this.#pending.indexOf("\r\n");
    if (end < 0 || this.ended) return false;
    const line = this.#pending.subarray(0, end).toString("latin1");
    if (!/^[0-9A-Fa-f]+$/.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    const total = end + 2 + size + 2;
    if (this.#pending.length < total) return false;
    const tail = this.#pending.subarray(total - 2, total).toString("latin1");
    if (tail !== "\r\n") throw new Error(`a chunk ends with ${JSON.stringify(tail)}`);
    if (size === 0) this.ended = true;
    else this.#body(this.#pending.subarray(end + 2, total - 2));
    this.#pending = this.#pending.subarray(total);
    return true;
  }

  #body(bytes) {
    this.bodyBytes += bytes.length;
    if (this.#gunzip) this.#gunzip.write(bytes);
    else this.#stream(bytes);
  }

  #stream(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text.includes("\r")) throw new Error("a CR in the stream");
    if (this.text.length < 100_000) this.text += text;
    this.#rest += text;
    let from = 0;
    for (;;) {
      const end = this.#rest.indexOf("\n\n", from);
      if (end < 0) break;
      this.#block(this.#rest.slice(from, end));
      from = end + 2;
    }
    this.#rest = this.#rest.slice(from);
  }

  #block(raw) {
    const block = { raw, comments: [] };
    for (const line of raw.split("\n")) {
      const match = /^(id|event|data|retry): (.*)$/s.exec(line);
      if (line.startsWith(":")) block.comments.push(line.slice(1).trim());
      else if (!match) throw new Error(`not a line we send: ${JSON.stringify(line)}`);
      else if (match[1] in block) throw new Error(`two ${match[1]} lines: ${JSON.stringify(raw)}`);
      else block[match[1]] = match[2];
    }
    if (block.id !== undefined) this.lastId = block.id;
    if (block.data !== undefined && block.event === undefined) this.messages.push(block.data);
    this.blocks.push(block);
  }

  get gaps() {
    return this.blocks.filter((block) => block.event === "gap");
  }

  until(condition, what, timeoutMs) {
    const seen = () =>
      `${what}; ${this.failed ?? ""} ${this.messages.length} messages, ` +
      `ended ${this.ended}, cut ${this.cut}, ` +
      `last blocks ${JSON.stringify(this.blocks.slice(-3).map((b) => b.raw.slice(0, 200)))}`;
    return this.#changed.until(() => condition(this), seen, timeoutMs);
  }

  // The position told before any message.
  untilPosition() {
    return this.until((c) => c.lastId, "a position");
  }

  // Resolves when so many messages are there; an ended stream is an error.
  async untilMessages(count) {
    await this.until((c) => c.messages.length >= count || c.ended || c.cut, `${count} messages`);
    if (this.messages.length < count) {
      throw new Error(`the stream was over after ${this.messages.length} of ${count} messages`);
    }
    return this.messages;
  }

  untilMessage(data) {
    return this.until((c) => c.messages.includes(data), `the message ${data}`);
  }

  untilOver() {
    return this.until((c) => c.ended || c.cut, "the end of the stream");
  }

  pause() {
    this.wire.socket.pause();
  }
  resume() {
    this.wire.socket.resume();
  }
  close() {
    this.wire.destroy();
  }
}
