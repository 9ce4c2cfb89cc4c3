// Readers for a hundred thousand small messages a second in one process, and what they saw held
// against each other: which numbers came, in which order, and under which ids. Messages are bare
// numbers (torrent.mjs), so a stream is known whole by a list of them.
import { randomBytes } from "node:crypto";
import net from "node:net";
import { track } from "./cleanup.mjs";
import { Signal } from "./patience.mjs";
import { request } from "./raw.mjs";
import { upgradeRequest } from "./websocket.mjs";

// What a reader has so far, over all of its connections.
export class Seen {
  numbers = [];
  ids = []; // of each of them
  position = ""; // the newest id, a message's or one told by itself
  gaps = 0;
  gapsAt = new Set(); // before which of the messages

  // Messages that do not follow the one before, without a word. Each sequence begins at 0, and
  // what is below it belongs to none.
  get holes() {
    const isNext = (n, i) => i === 0 || n <= 0 || n === this.numbers[i - 1] + 1;
    return this.numbers.filter((n, i) => !isNext(n, i) && !this.gapsAt.has(i)).length;
  }
}

// A chunk's size, its text, CR LF: none is cut by the hub in the middle of an event.
function sseBlocks(bytes, take) {
  let at = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", at, "latin1");
    if (end < 0) return at;
    const size = Number.parseInt(bytes.latin1Slice(at, end), 16);
    if (!(size >= 0)) throw new Error(`not a chunk's size: ${bytes.latin1Slice(at, end)}`);
    if (bytes.length < end + 2 + size + 2) return at;
    const text = bytes.latin1Slice(end + 2, end + 2 + size);
    if (size > 0 && !text.endsWith("\n\n")) throw new Error(`a torn chunk: ${text}`);
    for (const block of text.split("\n\n").slice(0, -1)) take(block);
    at = end + 2 + size + 2;
    if (size === 0) return at;
  }
}

function wsFrames(bytes, take) {
  let at = 0;
  for (;;) {
    if (bytes.length < at + 4) return at;
    let size = bytes[at + 1];
    const head = size < 126 ? 2 : 4;
    if (size > 126) throw new Error(`no frame of ours: ${bytes.hexSlice(at, at + 9)}`);
    if (size === 126) size = bytes.readUInt16BE(at + 2);
    if (bytes.length < at + head + size) return at;
    take(bytes[at], bytes.latin1Slice(at + head, at + head + size));
    at += head + size;
  }
}

// One connection that reads into `seen`, from where that stands.
export class Reader {
  isOpen = false; // its head has come
  error = null; // what no hub may send, or how the connection ended
  closeCode = null; // a WebSocket's
  #changed = new Signal();
  #rest = Buffer.alloc(0);
  #bytesLeft;

  // Of all that comes, `bytesMax` are read; then the connection is cut, by a reset if `resets`.
  // `numberOf` finds a message's number.
  constructor(server, kind, seen, options = {}) {
    const { bytesMax = Infinity, resets = false, numberOf = Number } = options;
    Object.assign(this, { kind, seen, resets, numberOf });
    this.#bytesLeft = bytesMax;
    this.socket = track(net.connect({ host: "127.0.0.1", port: server.port, noDelay: true }), () =>
      this.socket.destroy(),
    );
    this.socket.write(this.#request());
    this.socket.on("data", (bytes) => this.#take(bytes));
    this.socket.on("error", (error) => (this.error ??= error));
    this.socket.on("close", () => {
      this.isOver = true;
      this.#changed.notify();
    });
  }

  #request() {
    const id = this.seen.position;
    if (this.kind === "ws")
      return upgradeRequest(`/api/live/ws?last_event_id=${encodeURIComponent(id)}`, {
        "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      });
    return request("GET", "/api/live", id ? { "Last-Event-ID": id } : {});
  }

  #take(bytes) {
    if (this.wasCut) return;
    const part = bytes.subarray(0, this.#bytesLeft);
    this.#bytesLeft -= part.length;
    try {
      this.#parse(this.#rest.length ? Buffer.concat([this.#rest, part]) : part);
    } catch (error) {
      this.error = error;
      this.socket.destroy();
    }
    if (this.#bytesLeft <= 0) this.cut();
    this.#changed.notify();
  }

  #parse(bytes) {
    let at = 0;
    if (!this.isOpen) {
      at = bytes.indexOf("\r\n\r\n", 0, "latin1") + 4;
      if (at >= 4) {
        const status = bytes.latin1Slice(9, 12);
        if (status !== (this.kind === "ws" ? "101" : "200")) throw new Error(`answered ${status}`);
        this.isOpen = true;
      } else at = 0;
    }
    const rest = bytes.subarray(at);
    const done = !this.isOpen
      ? 0
      : this.kind === "ws"
        ? wsFrames(rest, (first, text) => this.#frame(first, text))
        : sseBlocks(rest, (block) => this.#block(block));
    this.#rest = rest.subarray(done);
  }

  #block(block) {
    if (/^(:|retry: \d+$)/.test(block)) return;
    const [, id, event, data] = /^id: (\S+)(?:\nevent: (\w+))?(?:\ndata: (.*))?$/.exec(block) ?? [];
    if (id === undefined) throw new Error(`no event of ours: ${block}`);
    this.#message(id, event === "gap", data);
  }

  #frame(first, text) {
    if (first === 0x89) return; // a ping: no connection here lives until its answer is due
    if (first === 0x88) {
      this.closeCode = (text.charCodeAt(0) << 8) | text.charCodeAt(1);
      return;
    }
    if (first !== 0x81) throw new Error(`a frame ${first.toString(16)}: ${text}`);
    const [, id, data] = /^\{"id":"([^"]+)","(?:data":(.*)|gap":true)\}$/.exec(text) ?? [];
    if (id === undefined) throw new Error(`no message of ours: ${text}`);
    this.#message(id, data === undefined, data);
  }

  #message(id, isGap, data) {
    this.seen.position = id;
    if (isGap) {
      this.seen.gaps++;
      this.seen.gapsAt.add(this.seen.numbers.length);
    } else if (data !== undefined) {
      this.seen.numbers.push(this.numberOf(data));
      this.seen.ids.push(id);
    }
  }

  cut() {
    this.wasCut = true;
    if (this.resets) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  // Resolves with false where the connection was cut by us before that.
  async until(condition, what) {
    const isDone = () => condition(this.seen) || this.isOver || this.error;
    const state = () => `${what}; ${this.seen.numbers.length} messages, open ${this.isOpen}`;
    await this.#changed.until(isDone, state);
    if (condition(this.seen)) return true;
    if (this.wasCut) return false;
    throw this.error ?? new Error(`the hub ended the connection before ${what}`);
  }

  // Rejects where the hub ended it before.
  async untilCut() {
    await this.until(() => false, "its cut");
  }

  // Whether what it has read ends in the middle of something.
  get isInside() {
    return this.#rest.length > 0;
  }
}

// What is wrong with a list of numbers that should be another one.
export function faultsOf(got, expected) {
  const faults = { lost: 0, doubled: 0, reordered: 0, foreign: 0 };
  if (got.length === expected.length && got.every((n, i) => n === expected[i])) return faults;
  const placeOf = new Map(expected.map((n, i) => [n, i]));
  const seen = new Set();
  let newest = -1;
  for (const n of got) {
    const place = placeOf.get(n);
    if (place === undefined) faults.foreign++;
    else if (seen.has(n)) faults.doubled++;
    else if (place < newest) faults.reordered++;
    seen.add(n);
    newest = Math.max(newest, place ?? -1);
  }
  faults.lost = expected.filter((n) => !seen.has(n)).length;
  return faults;
}

export const sumOf = (faults) =>
  faults.reduce(
    (sum, one) => Object.fromEntries(Object.entries(sum).map(([k, v]) => [k, v + one[k]])),
    { lost: 0, doubled: 0, reordered: 0, foreign: 0 },
  );
