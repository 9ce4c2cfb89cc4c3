// Publishing: POST /api/live/push over kept connections, as a backend does it.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import http from "node:http";
import { track } from "./cleanup.mjs";

export class Publisher {
  constructor(server, { headers = {}, connections = 8 } = {}) {
    this.server = server;
    this.headers = headers;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    track(this);
  }

  // The raw answer: {status, headers, body}. `body` is sent as it is.
  post(body, headers = {}, path = "/api/live/push") {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.from(body);
      const options = {
        host: "127.0.0.1",
        port: this.server.port,
        method: "POST",
        path,
        agent: this.agent,
        headers: { "content-length": bytes.length, ...this.headers, ...headers },
      };
      const request = http.request(options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        response.on("end", () => {
          resolve({ status: response.statusCode, headers: response.headers, body: text });
        });
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(bytes);
    });
  }

  // Pushes a value (or, as a Buffer, bytes) that must be accepted.
  async push(value, headers) {
    const body = Buffer.isBuffer(value) ? value : JSON.stringify(value);
    const answer = await this.post(body, headers);
    assert.equal(answer.status, 200, `the push was answered with ${answer.status} ${answer.body}`);
    return answer;
  }

  close() {
    this.agent.destroy();
  }
}

export async function push(server, ...values) {
  const publisher = new Publisher(server);
  try {
    for (const value of values) await publisher.push(value);
  } finally {
    publisher.close();
  }
}

export function signature(secret, body, seconds = Math.floor(Date.now() / 1000)) {
  const mac = createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex");
  return { "X-Timestamp": String(seconds), "X-Signature": `sha256=${mac}` };
}
