// A stand-in for the Restate ingress: answers what the test has put there, and keeps what it was
// asked. `gate` lets a test hold answers back.
import http from "node:http";
import { after } from "node:test";

const open = new Set();
after(() => open.forEach((ingress) => ingress.close()));

export class Restate {
  states = new Map(); // "Drop/x/getState" -> an object, or a function of the body
  calls = []; // {path, body, contentType}
  held = null; // while a promise, answers wait for it
  slow = null; // the same, but they are made before

  static async start(port = 0) {
    const ingress = new Restate();
    await ingress.listen(port);
    return ingress;
  }
  listen(port = this.port) {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    open.add(this);
    return new Promise((resolve) => {
      this.server.listen(port, "127.0.0.1", () => {
        this.port = this.server.address().port;
        resolve();
      });
    });
  }
  async #answer(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const path = request.url.slice(1);
    this.calls.push({
      method: request.method,
      path,
      body,
      contentType: request.headers["content-type"],
    });
    if (this.held) await this.held;
    const state = this.states.get(path);
    const value = typeof state === "function" ? state(body) : state;
    if (this.slow) await this.slow; // `value` is what it was
    if (value === undefined) {
      response.writeHead(500, { "content-type": "application/json" });
      return response.end('{"message":"no such key"}');
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(typeof value === "string" ? value : JSON.stringify(value));
  }
  // Answers wait until the function that comes back is called.
  hold() {
    let release;
    this.held = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.held = null;
      release();
    };
  }
  drop(id, state) {
    this.states.set(`Drop/${id}/getState`, state);
  }
  user(drop, id, state) {
    this.states.set(`Participant/${drop}%3A${id}/getState`, state);
  }
  token(drop, answer) {
    this.states.set(`QueueAdmission/${drop}/checkToken`, answer);
  }
  count(path) {
    return this.calls.filter((call) => call.path === path).length;
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  close() {
    this.server.closeAllConnections();
    this.server.close();
    open.delete(this);
  }
}
