// A publisher of many small messages a second: kept connections with pushes one behind the other,
// not one at a time. Connection `lane` of `lanes` pushes the numbers lane, lane + lanes, ...: each
// number once, and those of a lane in order.
import net from "node:net";
import { track } from "./cleanup.mjs";
import { Signal } from "./patience.mjs";
import { request } from "./raw.mjs";

const everyMs = 2;
const behindMax = 300; // pushes of a lane that wait for their answers
const mark = "HTTP/1.1 ";

const pushOf = (number) => request("POST", "/api/live/push", {}, String(number));

class Lane {
  sent = 0;
  accepted = 0;
  #tail = "";

  constructor(server, torrent) {
    const socket = net.connect({ host: "127.0.0.1", port: server.port, noDelay: true });
    this.socket = track(socket, () => socket.destroy());
    socket.on("data", (bytes) => this.#answers(bytes, torrent));
    socket.on("error", (error) => torrent.fail(error));
    socket.on("close", () => torrent.fail(new Error("the hub ended a publisher's connection")));
  }

  #answers(bytes, torrent) {
    const text = this.#tail + bytes.latin1Slice();
    const whole = mark.length + 3;
    let end = 0;
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + whole)) {
      if (at + whole > text.length) break;
      const status = text.slice(at + mark.length, at + whole);
      if (status === "200") this.accepted++;
      else torrent.fail(new Error(`a push was answered with ${status}`));
      end = at + whole;
    }
    this.#tail = text.slice(Math.max(end, text.length - whole + 1));
    torrent.changed.notify();
  }
}

export class Torrent {
  changed = new Signal();
  #failure = null;
  #isPaused = () => false;

  // While isPaused() says so, nothing is pushed: readers of this process must keep up.
  constructor(server, { perSecond, lanes = 8, isPaused = () => false }) {
    this.perSecond = perSecond;
    this.#isPaused = isPaused;
    this.lanes = Array.from({ length: lanes }, () => new Lane(server, this));
  }

  fail(error) {
    if (!this.isOver) this.#failure ??= error;
    this.changed.notify();
  }

  get accepted() {
    return this.lanes.reduce((sum, lane) => sum + lane.accepted, 0);
  }

  start() {
    this.startMs = performance.now();
    let due = 0;
    let beforeMs = this.startMs;
    this.timer = setInterval(() => {
      const nowMs = performance.now();
      // What was not pushed in time is not pushed all at once.
      due = Math.min(due + ((nowMs - beforeMs) / 1000) * this.perSecond, this.perSecond / 10);
      beforeMs = nowMs;
      if (this.#isPaused()) return;
      due -= this.#push(Math.floor(due));
    }, everyMs);
  }

  // How many it were.
  #push(count) {
    const texts = this.lanes.map(() => "");
    let pushed = 0;
    for (let i = 0; i < this.lanes.length && pushed < count; i++) {
      const lane = this.lanes[i];
      const share = Math.ceil((count - pushed) / (this.lanes.length - i));
      for (let n = 0; n < share && lane.sent - lane.accepted < behindMax; n++, pushed++) {
        texts[i] += pushOf(i + this.lanes.length * lane.sent++);
      }
    }
    texts.forEach((text, i) => text && this.lanes[i].socket.write(text));
    return pushed;
  }

  // Rejects if a push was not taken.
  async until(condition, what) {
    await this.changed.until(() => this.#failure || condition(), what);
    if (this.#failure) throw this.#failure;
  }

  // Ends it: how many were pushed, all of them taken, and how many a second.
  async stop() {
    clearInterval(this.timer);
    const seconds = (performance.now() - this.startMs) / 1000;
    const isAnswered = () => this.lanes.every((lane) => lane.sent === lane.accepted);
    await this.until(isAnswered, "the answers to all pushes");
    this.end();
    return { pushed: this.accepted, perSecond: this.accepted / seconds };
  }

  end() {
    clearInterval(this.timer);
    this.isOver = true;
    for (const lane of this.lanes) lane.socket.destroy();
  }

  // What is wrong with the numbers of somebody who saw all: each lane's must be there in order.
  faultsOf(numbers) {
    const next = this.lanes.map((_, i) => i);
    const faults = { lost: 0, doubled: 0, reordered: 0, foreign: 0 };
    const seen = new Set();
    for (const n of numbers) {
      const lane = n % this.lanes.length;
      if (seen.has(n)) faults.doubled++;
      else if (n < next[lane]) faults.reordered++;
      else next[lane] = n + this.lanes.length;
      seen.add(n);
    }
    faults.lost = this.accepted - seen.size;
    return faults;
  }
}
