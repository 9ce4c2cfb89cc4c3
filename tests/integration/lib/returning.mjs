// Clients that come back and go on where they were: by themselves where they can do that, else by
// the few lines that their users would write. All have the face of lib/libraries.mjs, and `told()`.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EventSource } from "eventsource";
import ReconnectingWebSocket from "reconnecting-websocket";
import undici from "undici";
import WebSocket from "ws";
import { Client, python } from "./libraries.mjs";
import { patienceMs } from "./patience.mjs";

const backMs = 250; // what our lines wait before they try again; the libraries have their own times

const withPosition = (url, id) => `${url}?last_event_id=${encodeURIComponent(id)}`;

class Returning extends Client {
  lastId = "";
  gaps = 0;
  opens = 0;
  ends = []; // how each connection ended: a close code, or what `ended` was given
  isOver = false;
  #rest = "";

  open() {
    this.opens++;
    super.open();
  }
  gap() {
    this.gaps++;
    this.changed.notify();
  }
  ended(how, again) {
    this.ends.push(how);
    this.#rest = "";
    if (!this.isOver) setTimeout(again, backMs);
  }

  // An event stream's text as it comes. Half a block at an end is dropped: its id was not taken.
  takeStream(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      this.lastId = field("id") ?? this.lastId;
      if (field("event") === "gap") this.gap();
      else if (field("data") !== undefined) this.add(field("data"));
    }
  }
  // A frame of a WebSocket that was opened with last_event_id.
  takeFrame(text) {
    const { id, gap, data } = JSON.parse(text);
    this.lastId = id;
    if (gap) this.gap();
    else this.add(JSON.stringify(data));
  }

  untilGap() {
    const what = () => `the gap (${this.constructor.name} has ${this.opens} opens); ${this.error}`;
    return this.changed.until(() => this.gaps > 0, what, 2 * patienceMs); // they wait by themselves
  }
  async told() {
    const { gaps, opens, ends } = this;
    return { gaps, opens, firstEnd: ends[0] };
  }
  close() {
    this.isOver = true;
  }
}

// A shell's loop around `curl -H Last-Event-ID`.
export class CurlLoop extends Returning {
  constructor(url) {
    super();
    this.#run(url);
  }
  #run(url) {
    const position = this.lastId ? ["-H", `Last-Event-ID: ${this.lastId}`] : [];
    this.child = spawn("curl", ["-sSN", ...position, url], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr.setEncoding("utf8").on("data", (text) => this.fail(text));
    let isOpen = false;
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      if (!isOpen) this.open();
      isOpen = true;
      this.takeStream(text);
    });
    this.child.on("close", (code) => this.ended(code, () => this.#run(url)));
  }
  close() {
    super.close();
    this.child.kill();
  }
}

// undici's fetch in a loop, with the header.
export class FetchLoop extends Returning {
  #abort = new AbortController();
  constructor(url) {
    super();
    this.#run(url);
  }
  #run(url) {
    const again = () => this.#run(url);
    this.#read(url).then(
      () => this.ended("clean", again),
      (error) => this.ended(String(error), again),
    );
  }
  async #read(url) {
    const headers = this.lastId ? { "Last-Event-ID": this.lastId } : {};
    const dispatcher = new undici.Agent({ bodyTimeout: 0 });
    const response = await undici.fetch(url, { headers, dispatcher, signal: this.#abort.signal });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    this.open();
    const decoder = new TextDecoder();
    for await (const bytes of response.body)
      this.takeStream(decoder.decode(bytes, { stream: true }));
  }
  close() {
    super.close();
    this.#abort.abort();
  }
}

// A WebSocket (of ws or undici) that its user opens anew. undici tells of a failed handshake in
// `onerror` alone.
class SocketLoop extends Returning {
  constructor(Socket, url) {
    super();
    this.#run(Socket, url);
  }
  #run(Socket, url) {
    const socket = new Socket(withPosition(url, this.lastId));
    this.socket = socket;
    let isOpen = false;
    let isEnded = false;
    const end = (how) => {
      if (!isEnded) this.ended(how, () => this.#run(Socket, url));
      isEnded = true;
    };
    socket.onopen = () => {
      isOpen = true;
      this.open();
    };
    socket.onmessage = (event) => this.takeFrame(event.data);
    socket.onerror = (event) => {
      this.fail(event.error ?? event.message);
      if (!isOpen) end("refused");
    };
    socket.onclose = ({ code }) => end(code);
  }
  close() {
    super.close();
    this.socket.close();
  }
}
export class WsLoop extends SocketLoop {
  constructor(url) {
    super(WebSocket, url);
  }
}
export class UndiciLoop extends SocketLoop {
  constructor(url) {
    super(undici.WebSocket, url);
  }
}

// reconnecting-websocket asks for the address each time, and waits as long as it likes.
export class Reconnecting extends Returning {
  constructor(url) {
    super();
    const options = { WebSocket };
    this.socket = new ReconnectingWebSocket(() => withPosition(url, this.lastId), [], options);
    this.socket.onopen = () => this.open();
    this.socket.onmessage = (event) => this.takeFrame(event.data);
    this.socket.onerror = (event) => this.fail(event.message);
    this.socket.onclose = ({ code }) => this.ends.push(code);
  }
  close() {
    super.close();
    this.socket.close();
  }
}

// npm eventsource comes back with its last id by itself.
export class NpmReturning extends Returning {
  constructor(url) {
    super();
    this.source = new EventSource(url);
    this.source.onopen = () => this.open();
    this.source.onerror = (error) => this.fail(error.message);
    this.source.onmessage = ({ data, lastEventId }) => {
      this.lastId = lastEventId;
      this.add(data);
    };
    this.source.addEventListener("gap", () => this.gap());
  }
  close() {
    super.close();
    this.source.close();
  }
}

// Python's websockets: a program of its own (ws_returning.py) that prints a line for each event.
export class PythonLoop extends Returning {
  #line = "";
  constructor(url) {
    super();
    const script = fileURLToPath(new URL("./ws_returning.py", import.meta.url));
    this.child = spawn(python, [script, url], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr.setEncoding("utf8").on("data", (text) => this.fail(text));
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (this.#line + text).split("\n");
      this.#line = lines.pop();
      lines.forEach((line) => this.#take(line));
    });
  }
  #take(line) {
    const [what, ...rest] = line.split(" ");
    if (what === "open") this.open();
    else if (what === "closed") this.ends.push(Number(rest[0]));
    else this.takeFrame(rest.join(" "));
  }
  close() {
    super.close();
    this.child.kill();
  }
}
