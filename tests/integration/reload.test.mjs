// SIGHUP: what changes without dropping anyone, and what does not. And the log, whose lines say it.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Publisher } from "./lib/push.mjs";
import { exchange } from "./lib/raw.mjs";
import { eventually } from "./lib/patience.mjs";
import { temporaryDirectory, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const logLines = (server) =>
  server.stderr
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

async function hup(server, pattern) {
  server.child.kill("SIGHUP");
  await server.until((s) => pattern.test(s.stderr), `the log to say ${pattern}`);
}

const pushStatus = async (server, token, headers = "") =>
  (
    await exchange(
      server,
      `POST /api/live/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${headers}` +
        "Content-Length: 1\r\nConnection: close\r\n\r\n1",
    )
  ).status;

test("SIGHUP takes new tokens, origins and limits, and drops nobody", async (t) => {
  const directory = temporaryDirectory(t);
  const config = path.join(directory, "hub.toml");
  const secret = path.join(directory, "token");
  writeFileSync(secret, "f1rst-token\n");
  writeFileSync(config, 'cors_origins = "https://a.example"\n');
  const args = ["--config", config];
  await withServer({ args, env: { LIVE_PUSH_TOKEN_FILE: secret } }, async (server) => {
    const sse = await SseClient.open(server);
    const ws = await WsClient.open(server);
    assert.equal(await pushStatus(server, "f1rst-token"), 200);
    writeFileSync(secret, "s3cond-token\n");
    writeFileSync(config, 'cors_origins = ["https://b.example"]\nmax_body_bytes = 5\n');
    await hup(server, /reload: changed CORS_ORIGINS, MAX_BODY_BYTES, LIVE_PUSH_TOKEN/);
    assert.equal(await pushStatus(server, "f1rst-token"), 401);
    assert.equal(await pushStatus(server, "s3cond-token"), 200);
    assert.equal(await pushStatus(server, "s3cond-token", "Origin: https://a.example\r\n"), 403);
    assert.equal(await pushStatus(server, "s3cond-token", "Origin: https://b.example\r\n"), 200);
    await sse.untilMessages(3);
    await ws.untilMessages(3);
    assert.doesNotMatch(server.output, /f1rst-token|s3cond-token/);
    sse.close();
    ws.close();
  });
});

test("SIGHUP says what needs a restart, and a mistake changes nothing", async (t) => {
  const config = path.join(temporaryDirectory(t), "hub.toml");
  writeFileSync(config, 'live_push_token = "0ld-token"\n');
  await withServer({ args: ["--config", config] }, async (server) => {
    writeFileSync(config, 'live_push_token = "n3w-token"\nhistory_count = "many"\n');
    await hup(server, /reload: HISTORY_COUNT is .*Nothing was changed/);
    assert.equal(await pushStatus(server, "0ld-token"), 200);
    writeFileSync(config, 'live_push_token = "0ld-token"\nhistory_count = 5\n');
    await hup(server, /reload: a restart is needed for HISTORY_COUNT/);
    await server.until((s) => /reload: nothing was changed/.test(s.stderr), "the end of it");
    assert.equal(await pushStatus(server, "0ld-token"), 200);
    writeFileSync(config, 'live_push_token = "0ld-token"\nlog_level = "error"\n');
    server.child.kill("SIGHUP");
    await eventually(async () => {
      const before = server.stderr;
      server.child.kill("SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 50));
      return server.stderr === before;
    }, "LOG_LEVEL=error to be in force");
    assert.doesNotMatch(server.output, /-token"/);
  });
});

test("the log is one JSON object a line, with the request's id", async () => {
  const env = { LIVE_PUSH_TOKEN: "l0g-token", LOG_LEVEL: "debug" };
  await withServer({ env }, async (server) => {
    assert.equal(await pushStatus(server, "wr0ng", "Fly-Request-Id: 01ABC-fra\r\n"), 401);
    await server.until((s) => /refused a request/.test(s.stderr), "its line");
    for (const line of logLines(server)) {
      assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.match(line.level, /^(debug|info|warn|error)$/);
      assert.ok(line.message.length > 0);
    }
    const refused = logLines(server).find((line) => /refused a request/.test(line.message));
    assert.equal(refused.request_id, "01ABC-fra");
    assert.equal(refused.level, "debug");
  });
});

test("LOG_FORMAT=text, and a flood is held back and counted", async () => {
  const env = { LIVE_PUSH_TOKEN: "l0g-token", LOG_LEVEL: "debug", LOG_FORMAT: "text" };
  await withServer({ env }, async (server) => {
    for (let i = 0; i < 200; i++) {
      await pushStatus(server, `wr0ng-${i}`, "Fly-Request-Id: a\"b\r\n");
    }
    await eventually(async () => {
      await pushStatus(server, "wr0ng-again");
      return /lines left out here, because there were too many: \d+/.test(server.stderr);
    }, "the count of what was left out");
    const lines = server.stderr.split("\n").filter((line) => /refused a request/.test(line));
    assert.ok(lines.length < 201, `${lines.length} lines`);
    assert.match(lines[0], /^\d{4}-\d\d-\d\dT\S+ debug refused a request: .*\(request ab\)$/);
    assert.doesNotMatch(server.output, /wr0ng|l0g-token/);
  });
});

test("no token is ever in the log, whatever is asked", async () => {
  const env = {
    LIVE_PUSH_TOKEN: "g00d-token",
    LIVE_PUSH_HMAC_SECRET: "hm4c",
    CORS_ORIGINS: "https://a.example",
    LOG_LEVEL: "debug",
  };
  await withServer({ env }, async (server) => {
    for (const text of [
      "GET /api/live?token=URLt0ken HTTP/1.1\r\nHost: x\r\nOrigin: https://x\r\n\r\n",
      "GET /nothing?token=URLt0ken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      "POST /api/live/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer g00d-token\r\n" +
        "X-Timestamp: 1\r\nX-Signature: sha256=URLt0ken\r\nContent-Length: 1\r\n\r\n1",
      "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer URLt0ken\r\n bad: line\r\n\r\n",
    ]) {
      await exchange(server, text).catch(() => {});
    }
    await new Publisher(server).push(1).catch(() => {});
    await server.stop();
    assert.doesNotMatch(server.output, /g00d-token|hm4c|URLt0ken/);
  });
});

test("SIGHUP takes a new ADMIN_TOKEN: who came by the old one is asked again", async (t) => {
  const secret = path.join(temporaryDirectory(t), "token");
  writeFileSync(secret, "the first admin token\n");
  await withServer({ env: { ADMIN_TOKEN_FILE: secret } }, async (server) => {
    // Behind a proxy, so that being on this machine does not count.
    const status = async (headers) =>
      (
        await fetch(`${server.adminUrl}/debug/overview`, {
          headers: { ...headers, "x-forwarded-for": "192.0.2.1" },
        })
      ).status;
    const bearer = (token) => ({ authorization: `Bearer ${token}` });
    const login = await fetch(`${server.adminUrl}/login`, {
      method: "POST",
      body: new URLSearchParams({ token: "the first admin token" }),
      headers: { origin: server.adminUrl },
      redirect: "manual",
    });
    const cookie = { cookie: login.headers.get("set-cookie").split(";")[0] };
    assert.equal(await status(cookie), 200);
    assert.equal(await status(bearer("the first admin token")), 200);
    writeFileSync(secret, "the second admin token\n");
    await hup(server, /reload: changed ADMIN_TOKEN/);
    assert.equal(await status(cookie), 401);
    assert.equal(await status(bearer("the first admin token")), 401);
    assert.equal(await status(bearer("the second admin token")), 200);
    assert.doesNotMatch(server.output, /admin token/);
  });
});
