// A browser of profile pg-updates, the web app's tokens, and the program set up for both.
import { createHmac } from "node:crypto";
import { startServer, withServer } from "./server.mjs";
import { WsClient } from "./websocket.mjs";

export const secret = "a secret of the web app's";
export const origin = "https://app.example";

const base64url = (value) => Buffer.from(value).toString("base64url");

export function token(userId, claims = {}, { key = secret, alg = "HS256", hash = "sha256" } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const all = {
    ...{ userId, email: `${userId}@example.com`, iat: now, exp: now + 1800 },
    ...{ iss: "papr-app", aud: "papr-realtime", ...claims },
  };
  const head = base64url(JSON.stringify({ alg, typ: "JWT" }));
  const text = `${head}.${base64url(JSON.stringify(all))}`;
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
}

export const settingsFor = (postgres, { args = [], env = {}, ...options } = {}) => ({
  profile: "pg-updates",
  env: {
    DATABASE_URL: postgres?.url() ?? "",
    WEBSOCKET_JWT_SECRET: secret,
    ALLOWED_ORIGINS: `${origin}, http://localhost:3000`,
    ...env,
  },
  args,
  ...options,
});
export const withHub = (postgres, options, body) =>
  withServer(settingsFor(postgres, options), body);
export const startHub = (postgres, options) => startServer(settingsFor(postgres, options));

export const user = (number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

export class Browser extends WsClient {
  // Connected, and told to authenticate.
  static async connect(server, userId, { headers = { Origin: origin }, protocols = [] } = {}) {
    const query = userId === undefined ? "" : `?userId=${encodeURIComponent(userId)}`;
    const browser = new Browser(`ws://127.0.0.1:${server.port}/ws${query}`, protocols, headers);
    browser.userId = userId;
    await browser.until((b) => b.opened || b.failed, "the handshake");
    if (browser.failed) throw browser.failed;
    return browser;
  }

  static async open(server, userId, options) {
    const browser = await Browser.connect(server, userId, options);
    await browser.authenticate();
    return browser;
  }

  send(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async authenticate() {
    await this.until((b) => b.messages.length > 0, "auth_required");
    this.send({ type: "auth", token: token(this.userId), userId: this.userId });
    await this.untilMessage(JSON.stringify({ type: "authenticated", userId: this.userId }));
  }

  get updates() {
    return this.frames.filter((frame) => frame.type === "realtime_update");
  }
  get gaps() {
    return this.frames.filter((frame) => frame.type === "gap").length;
  }

  async untilUpdates(count) {
    await this.until((b) => b.updates.length >= count || b.closed, `${count} updates`);
    return this.updates;
  }
}

export const ready = async (server) => {
  const reply = await fetch(`${server.url}/_livehub/ready`);
  return { status: reply.status, ...(await reply.json()) };
};
export const health = async (server) => (await fetch(`${server.url}/health`)).json();
