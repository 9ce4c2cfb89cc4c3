// The world around the chat profile: a web app that answers its API, tokens as that app signs them,
// and clients that read JSON.
import { createHmac } from "node:crypto";
import { spawn } from "node:child_process";
import http from "node:http";
import { after } from "node:test";
import { track } from "./cleanup.mjs";
import { Signal, eventually } from "./patience.mjs";
import { exchange, request } from "./raw.mjs";
import { Redis } from "./redis.mjs";
import { startServer, untilReady, withServers } from "./server.mjs";
import { WsClient } from "./websocket.mjs";

export const jwtSecret = "the web app's secret";
export const apiSecret = "between the web app and the hub";

const base64url = (text) => Buffer.from(text).toString("base64url");

export function sign(claims, { secret = jwtSecret, algorithm = "HS256" } = {}) {
  const digest = { HS256: "sha256", HS384: "sha384", HS512: "sha512" }[algorithm];
  const part = `${base64url(JSON.stringify({ alg: algorithm, typ: "JWT" }))}.${base64url(
    typeof claims === "string" ? claims : JSON.stringify(claims),
  )}`;
  if (!digest) return `${part}.`;
  return `${part}.${createHmac(digest, secret).update(part).digest("base64url")}`;
}

export const seconds = () => Math.floor(Date.now() / 1000);

export const tokenFor = (chatId, userId, more = {}) =>
  sign({ chatId, userId, iat: seconds(), exp: seconds() + 7200, ...more });

// The web app. `answer` may be replaced: it gets the request and says {status, body, delay}.
export class Backend {
  requests = [];
  answer = (request) => this.usual(request);
  #changed = new Signal();
  #count = 0;

  static async start(port = 0) {
    const self = track(new Backend(), (backend) => backend.stop());
    await self.listen(port);
    return self;
  }

  async listen(port) {
    this.server = http.createServer((request, response) => {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => this.#serve(request, Buffer.concat(parts).toString(), response));
    });
    await new Promise((resolve, reject) => {
      this.server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    this.port = this.server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async #serve(request, body, response) {
    const seen = { method: request.method, url: request.url, headers: request.headers, body };
    this.requests.push(seen);
    this.#changed.notify();
    const { status = 200, body: text, type = "application/json" } = await this.answer(seen);
    response.writeHead(status, { "content-type": type });
    response.end(typeof text === "string" ? text : JSON.stringify(text));
  }

  // What the web app does when all is well.
  usual({ method, url, body }) {
    const user = /^\/api\/users\/([^/]+)$/.exec(url);
    if (method === "GET" && user) {
      const id = decodeURIComponent(user[1]);
      return { body: { id, name: `Name of ${id}`, email: `${id}@test`, image: null } };
    }
    if (method === "POST" && /^\/api\/chats\/[^/]+\/messages\/send$/.test(url)) {
      const { content, role, userId } = JSON.parse(body);
      return { body: this.saved(content, role, userId) };
    }
    return { status: 404, body: { error: "Not found" } };
  }

  saved(content, role, userId) {
    const message = {
      id: `message-${++this.#count}`,
      content,
      role,
      createdAt: "2026-11-21T10:00:00.000Z",
      sender: { id: userId, name: `Name of ${userId}`, avatar: null },
    };
    return { success: true, message };
  }

  until(condition, what) {
    return this.#changed.until(() => condition(this), what);
  }

  async stop() {
    this.server.closeAllConnections?.();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export class ChatClient extends WsClient {
  static async join(server, chatId, userId, { claims = {}, token, path = "/", ...options } = {}) {
    const client = await ChatClient.connect(
      server,
      token ?? tokenFor(chatId, userId, claims),
      path,
      options,
    );
    await client.untilMessages(1);
    return client;
  }

  static async connect(server, token, path = "/", { protocols = [], headers = {} } = {}) {
    const query = token === null ? "" : `?token=${encodeURIComponent(token)}`;
    const client = new ChatClient(
      `ws://127.0.0.1:${server.port}${path}${query}`,
      protocols,
      headers,
    );
    await client.until((c) => c.opened || c.failed, "the handshake");
    if (client.failed) throw client.failed;
    return client;
  }

  say(value) {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }
  message(content, role = "USER") {
    this.say({ type: "message", content, role });
  }
  of(type) {
    return this.frames.filter((frame) => frame.type === type);
  }
  async untilType(type, count = 1) {
    await this.until((c) => c.of(type).length >= count || c.closed, `${count} of ${type}`);
    if (this.of(type).length < count) throw new Error(`closed before ${count} of ${type}`);
    return this.of(type);
  }
  // Everything that the server had for this client before now has come.
  async fence() {
    const count = this.of("pong").length + 1;
    this.say({ type: "ping" });
    await this.untilType("pong", count);
  }
}

// What Redis's subscribers see of a channel, through Redis's own client program.
export class RedisListener {
  payloads = [];
  #changed = new Signal();

  static async start(redis, channel) {
    const self = track(new RedisListener(), (listener) => listener.close());
    self.child = spawn("redis-cli", ["-p", String(redis.port), "SUBSCRIBE", channel], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let text = "";
    self.child.stdout.setEncoding("utf8").on("data", (part) => {
      text += part;
      const lines = text.split("\n");
      const whole = Math.floor((lines.length - 1) / 3) * 3;
      for (let i = 0; i < whole; i += 3) {
        if (lines[i] === "subscribe") self.ready = true;
        if (lines[i] === "message") self.payloads.push(lines[i + 2]);
      }
      text = lines.slice(whole).join("\n");
      self.#changed.notify();
    });
    await self.until((listener) => listener.ready, "the subscription");
    return self;
  }

  until(condition, what) {
    return this.#changed.until(() => condition(this), what);
  }
  close() {
    this.child.kill("SIGKILL");
  }
}

export const chatEnvironment = (redis, backend) => ({
  JWT_SECRET: jwtSecret,
  INTERNAL_API_SECRET: apiSecret,
  REDIS_URL: redis.url,
  NEXT_API_URL: backend.url,
});

export async function startChat(redis, backend, { env = {}, ...options } = {}) {
  return startServer({
    profile: "chat",
    env: { ...chatEnvironment(redis, backend), ...env },
    ...options,
  });
}

// A Redis, a web app and `count` hubs for one test, and their orderly end.
export async function withChat({ count = 1, env, ...options }, body) {
  const redis = await Redis.start();
  const backend = await Backend.start();
  const start = () => startChat(redis, backend, { env, ...options });
  try {
    await withServers(count, start, async (hubs) => {
      // Before that nothing can be published, and its sender is told so.
      if (!env?.REDIS_URL) await Promise.all(hubs.map(untilReady));
      await body({ redis, backend, hubs, hub: hubs[0] });
    });
  } finally {
    redis.remove();
    await backend.stop();
  }
}

// One of each for all tests of a file.
export async function chatForFile() {
  const redis = await Redis.start();
  const backend = await Backend.start();
  const hub = await startChat(redis, backend);
  after(async () => {
    await hub.stop();
    redis.remove();
    await backend.stop();
  });
  const health = async () => JSON.parse((await exchange(hub, request("GET", "/health"))).body);
  // How many clients /health counts in a room.
  const countOf = async (room) => {
    const { byChat } = (await health()).connections;
    return byChat.find(({ chatId }) => chatId === `${room.slice(0, 8)}...`)?.count ?? 0;
  };
  let rooms = 0;
  const newRoom = () => `r${1000 + ++rooms}--${"x".repeat(20)}`; // 8 characters of its own
  const joinTwo = async (room) => [
    await ChatClient.join(hub, room, "ann"),
    await ChatClient.join(hub, room, "bob"),
  ];
  await eventually(async () => (await health()).status === "healthy", "a healthy start");
  return { redis, backend, hub, health, countOf, newRoom, joinTwo };
}
