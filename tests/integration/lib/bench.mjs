// The load generator as a child process, and servers that do wrong on purpose: what decides whether
// a run passed must notice each of it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { WebSocketServer } from "ws";
import { binary, root } from "./server.mjs";

// That of the build which the server under test comes from.
const program = path.join(root, path.basename(path.dirname(binary)), "livehub-bench");

export async function run(command, args) {
  const child = spawn(command, args.map(String), { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, output };
}

// Runs one scenario; `found` is its JSON object.
export async function bench(directory, ...args) {
  const file = path.join(directory, `bench-${Math.random().toString(36).slice(2)}.json`);
  const { code, output } = await run(program, [...args, "--json", file, "--seconds-max", 120]);
  try {
    return { code, output, found: JSON.parse(readFileSync(file, "utf8")) };
  } catch (error) {
    return assert.fail(`livehub-bench ${args.join(" ")} ended with ${code}: ${error}\n${output}`);
  }
}

// One of the scripts in bench/, on the programs of that build.
export const script = (name, ...args) =>
  run(path.join(root, "bench", name), [...args, "--build", path.dirname(program)]);

export async function mustPass(directory, ...args) {
  const { code, output, found } = await bench(directory, ...args);
  assert.equal(code, 0, output);
  assert.deepEqual(found.failures, [], output);
  return found;
}

// A hub of paths /sse/<channel>, /ws/<channel> and /push/<channel>, with /echo. `deliver(message,
// client)` says which texts a client gets for a message (the default: that one); `client` and
// `message` are numbers in the order of coming.
export class FakeHub {
  #clients = [];
  #messages = 0;
  #echoes = 0;

  constructor({ deliver = (text) => [text], channelOf = (path) => path.split("/")[2] } = {}) {
    this.deliver = deliver;
    this.channelOf = channelOf;
    this.http = createServer((request, response) => {
      if (request.method === "POST") return this.#push(request, response);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": connected\n\n");
      this.#add(request, (text) => response.write(`id: ${this.#messages}\ndata: ${text}\n\n`));
    });
    new WebSocketServer({ server: this.http }).on("connection", (socket, request) => {
      if (request.url.startsWith("/echo")) return this.#echo(socket);
      this.#add(request, (text) => socket.send(text));
    });
  }

  static async start(options) {
    const hub = new FakeHub(options);
    await new Promise((resolve) => hub.http.listen(0, "127.0.0.1", resolve));
    return hub;
  }
  get port() {
    return this.http.address().port;
  }
  url(path) {
    return `http://127.0.0.1:${this.port}${path}`;
  }
  wsUrl(path) {
    return `ws://127.0.0.1:${this.port}${path}`;
  }
  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }

  #add(request, send) {
    const client = { number: this.#clients.length, channel: this.channelOf(request.url), send };
    this.#clients.push(client);
    request.on("close", () => (client.send = null));
  }
  #push(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const message = this.#messages++;
      const channel = this.channelOf(request.url);
      for (const client of this.#clients) {
        if (!client.send || client.channel !== channel) continue;
        for (const one of this.deliver(text, client.number, message)) client.send(one);
      }
      response.writeHead(200, { "content-length": 0 }).end();
    });
  }
  #echo(socket) {
    socket.on("message", (data) => {
      for (const one of this.deliver(data.toString(), 0, this.#echoes++)) socket.send(one);
    });
  }
}
