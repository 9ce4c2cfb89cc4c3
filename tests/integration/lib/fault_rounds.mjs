// What a hub is put through while one call fails, and who watches: readers who were there before,
// visitors, a publisher. Used by faults.test.mjs and tests/soak/faults.mjs.
import assert from "node:assert/strict";
import { eventually, patienceMs, range } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { exchange, request } from "./raw.mjs";
import { SseClient } from "./sse.mjs";
import { WsClient } from "./websocket.mjs";

// As eventually(), but neither a server that has ended is waited for nor one that has answered what
// it must never answer: an assertion that fails is no matter of patience.
async function persist(server, condition, what) {
  let failure = null;
  await eventually(async () => {
    if (server.exited) failure = new Error("the server has ended");
    try {
      return failure || (await condition());
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
      failure = error;
      return true;
    }
  }, what);
  if (failure) throw failure;
}

// How a connection ends that the fault has hit. Anything else (an answer that is none, say) is not
// to be forgiven.
const connectionErrors = ["ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT", "ECONNABORTED"];

function nullIfCut(error) {
  if (connectionErrors.includes(error.code)) return null;
  if (error instanceof assert.AssertionError) throw error;
  throw new assert.AssertionError({ message: `no error of a connection: ${error.stack}` });
}

// Null where the fault has hit the connection. A stream is refused with 200, a retry time and an
// end; an upgrade with 503.
async function openSse(server, options) {
  const client = await SseClient.open(server, options).catch(nullIfCut);
  if (client) assert.equal(client.head.status, 200, "the answer to a stream's request");
  return client;
}

const nullIfRefused = (error) => (error.status === 503 ? null : nullIfCut(error));
const openWs = (server, options) => WsClient.open(server, options).catch(nullIfRefused);

// A reader who stays, and comes back where it was when its connection ends. What it was sent is in
// `seen`; `gaps` counts what it was told of, `ends` how often it lost its connection.
class Witness {
  seen = new Set();
  gaps = 0;
  ends = 0;
  #position = "";
  #client = null;

  constructor(server, kind) {
    this.server = server;
    this.kind = kind;
  }

  async #open() {
    if (this.kind === "ws") {
      const query = `?last_event_id=${encodeURIComponent(this.#position)}`;
      this.#client = await openWs(this.server, { query });
    } else {
      const headers = this.#position ? { "Last-Event-ID": this.#position } : {};
      this.#client = await openSse(this.server, { headers });
      await this.#client?.until((c) => c.lastId || c.ended || c.cut, "a position");
    }
  }

  #isOver() {
    const client = this.#client;
    return this.kind === "ws" ? client.closed !== null : client.ended || client.cut;
  }

  #take() {
    const isWs = this.kind === "ws";
    for (const { id, data, gap, event } of isWs ? this.#client.frames : this.#client.blocks) {
      if (id !== undefined) this.#position = id;
      if (gap || event === "gap") this.gaps++;
      else if (data !== undefined) this.seen.add(isWs ? data : JSON.parse(data));
    }
    // Thousands of rounds would not fit into memory.
    this.#client.messages.length = 0;
    if (!isWs) this.#client.blocks.length = 0;
  }

  // Resolves when it is connected and has seen all of `values`, or was told of a gap since `gaps`.
  untilSeen(values, gaps) {
    const has = () => this.gaps > gaps || values.every((value) => this.seen.has(value));
    const look = async () => {
      if (this.#client) this.#take();
      if (!this.#client || this.#isOver()) {
        if (this.#client) this.ends++;
        this.#client = null;
        await this.#open();
      }
      return this.#client !== null && has();
    };
    const what = `what a ${this.kind} witness must see: ${values.map((v) => v.slice(0, 20))}`;
    return persist(this.server, look, what);
  }

  close() {
    this.#client?.close();
  }
}

const largeMessages = 30; // more than the kernel takes for a reader who does not read
const bigText = "x".repeat(100_000);

export class Watch {
  #acknowledged = 0;
  #publishers = [];

  constructor(server, { crowd = 0 } = {}) {
    this.server = server;
    this.crowd = crowd;
    this.witnesses = ["sse", "ws", "sse"].map((kind) => new Witness(server, kind));
  }

  async begin() {
    for (const witness of this.witnesses) await witness.untilSeen([], 0);
  }

  // Pushes until it is taken: the fault may hit the publisher as well. What was answered with 200
  // is what everyone must see.
  async #push(value) {
    return persist(this.server, async () => {
      const publisher = this.#publishers[0] ?? new Publisher(this.server, { connections: 1 });
      this.#publishers[0] = publisher;
      const answer = await publisher.post(JSON.stringify(value)).catch(nullIfCut);
      if (answer?.status === 200) return true;
      if (answer) assert.equal(answer.status, 503, `a push was answered with ${answer.status}`);
      this.#publishers.pop().close(); // another connection, then
      return false;
    }, "a push to be taken");
  }

  // Someone who comes, hears the newest and goes. The fault may hit him once or twice.
  #visit(open, value) {
    return persist(this.server, async () => {
      const client = await open();
      if (!client) return false;
      try {
        await this.#push(value);
        const text = JSON.stringify(value);
        await client.until((c) => c.messages.includes(text) || c.closed || c.cut, "a message");
        return client.messages.includes(text);
      } finally {
        client.close();
      }
    }, `a visitor who hears ${JSON.stringify(value).slice(0, 40)}`);
  }

  // Once around: small and large messages, visitors of both kinds, a plain request, a crowd.
  async round() {
    const before = this.witnesses.map((witness) => ({ ends: witness.ends, gaps: witness.gaps }));
    const first = ++this.#acknowledged;
    const values = [`${first} a`, `${first} b`, `${first} c ${bigText}`, `${first} d`];
    const crowd = await this.#gather();
    await this.#push(values[0]);
    for (const client of crowd) client.close();
    await this.#visit(() => openSse(this.server), values[1]);
    await this.#stall(values[2]);
    await this.#visit(() => openWs(this.server), values[3]);
    await this.health();
    await Promise.all(this.witnesses.map((w, i) => w.untilSeen(values, before[i].gaps)));
    return this.witnesses.reduce((sum, w, i) => sum + w.ends - before[i].ends, 0);
  }

  // A large message, again and again, until a reader who does not read is full; then he reads.
  async #stall(value) {
    const slow = await openSse(this.server);
    slow?.pause();
    for (let i = 0; i < largeMessages; i++) await this.#push(value);
    slow?.resume();
    const text = JSON.stringify(value);
    const isDone = (c) => c.cut || c.ended || c.messages.filter((m) => m === text).length > 0;
    await slow?.until(isDone, "a large message, or the end");
    slow?.close();
  }

  // More than 64 listeners make a stream hot.
  async #gather() {
    const crowd = await Promise.all(range(this.crowd).map(() => openSse(this.server)));
    return crowd.filter((client) => client);
  }

  health() {
    return persist(this.server, async () => {
      const text = request("GET", "/health", { Connection: "close" });
      const answer = await exchange(this.server, text).catch(nullIfCut);
      if (answer) assert.ok([200, 503].includes(answer.status), `/health says ${answer.status}`);
      return answer?.status === 200;
    }, "an answer to GET /health");
  }

  close() {
    for (const witness of this.witnesses) witness.close();
    for (const publisher of this.#publishers) publisher.close();
  }
}

// Ends it: 0, and nothing else, whatever failed.
export async function endsWell(server) {
  server.child.kill("SIGTERM");
  await server.until((s) => s.exited, "its end", patienceMs);
  return server.exited.code === 0;
}
