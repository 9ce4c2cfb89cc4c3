// Ready-made clients behind one face: `messages` and `untilMessages(count)`; what a user would
// really run.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EventSource } from "eventsource";
import undici from "undici";
import { track } from "./cleanup.mjs";
import { Signal } from "./patience.mjs";

export class Client {
  messages = [];
  opened = false;
  error = null;
  changed = new Signal();

  constructor() {
    track(this);
  }

  add(text) {
    this.messages.push(text);
    this.changed.notify();
  }
  open() {
    this.opened = true;
    this.changed.notify();
  }
  fail(error) {
    this.error = error;
    this.changed.notify();
  }
  untilOpen() {
    return this.changed.until(
      () => this.opened,
      () => `${this.constructor.name} to open; ${this.error}`,
    );
  }
  async untilMessages(count) {
    const seen = () =>
      `${count} messages (${this.constructor.name} has ${this.messages.length}); ${this.error}`;
    await this.changed.until(() => this.messages.length >= count, seen);
    return this.messages;
  }
}

// npm eventsource 3: reconnects by itself with the last id it saw.
export class NpmEventSource extends Client {
  gaps = 0;
  constructor(url) {
    super();
    this.source = new EventSource(url);
    this.source.onopen = () => this.open();
    this.source.onmessage = (event) => this.add(event.data);
    this.source.addEventListener("gap", () => {
      this.gaps++;
      this.changed.notify();
    });
    this.source.onerror = (error) => {
      this.error = error.message ?? error;
    };
  }
  close() {
    this.source.close();
  }
}

// undici's fetch, reading the stream by hand as many backends do.
export class FetchStream extends Client {
  #abort = new AbortController();
  constructor(url) {
    super();
    this.#read(url).catch((error) => {
      if (!this.#abort.signal.aborted) this.fail(error);
    });
  }
  async #read(url) {
    const dispatcher = new undici.Agent({ bodyTimeout: 0 });
    const response = await undici.fetch(url, { signal: this.#abort.signal, dispatcher });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body) {
      rest += decoder.decode(bytes, { stream: true });
      // Open for this purpose is: the position came, so what is pushed from now on is for us.
      if (rest.includes("id: ")) this.open();
      const blocks = rest.split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const data = /^data: (.*)$/ms.exec(block);
        if (data) this.add(data[1]);
      }
    }
  }
  close() {
    this.#abort.abort();
  }
}

export class UndiciWebSocket extends Client {
  constructor(url) {
    super();
    this.socket = new undici.WebSocket(url);
    this.socket.onopen = () => this.open();
    this.socket.onmessage = (event) => this.add(event.data);
    this.socket.onerror = (event) => this.fail(event.error ?? new Error("error"));
  }
  close() {
    this.socket.close();
  }
}

// A child process that prints what it got; `pick` makes messages of its output.
class ChildClient extends Client {
  output = "";
  errors = "";
  constructor(command, args, onOutput) {
    super();
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      this.output += text;
      onOutput(this);
      this.changed.notify();
    });
    this.child.stderr.setEncoding("utf8").on("data", (text) => {
      this.errors += text;
      this.fail(this.errors);
    });
  }
  close() {
    this.child.kill();
  }
}

export class CurlStream extends ChildClient {
  constructor(url, ...args) {
    super("curl", ["-sSN", ...args, url], (client) => {
      if (client.output.includes("id: ")) client.open();
      client.messages = [...client.output.matchAll(/^data: (.*)\n\n/gm)].map((m) => m[1]);
    });
  }
}

// Debian's own, for that is where its packages are.
export const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

// Several Python clients in one process; all must see the same, so `messages` are those of the
// first.
export class PythonWebSockets extends ChildClient {
  results = null;
  constructor(url, clients, count) {
    const script = fileURLToPath(new URL("./ws_clients.py", import.meta.url));
    super(python, [script, url, String(clients), String(count)], (client) => {
      if (client.output.startsWith("ready\n")) client.open();
      const line = client.output.split("\n")[1];
      if (client.output.split("\n").length > 2) client.results = JSON.parse(line);
    });
  }
  async untilResults() {
    await this.changed.until(
      () => this.results,
      () => `the Python clients; ${this.error}`,
    );
    return this.results;
  }
}
