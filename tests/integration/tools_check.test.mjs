// livehub check: this machine and its settings, a Fly file, a deployment.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import dgram from "node:dgram";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { track } from "./lib/cleanup.mjs";
import { Redis, freePort } from "./lib/redis.mjs";
import { io, root, shards, startServer, temporaryDirectory, withServer } from "./lib/server.mjs";
import { withSignals } from "./lib/signals.mjs";
import { runTool } from "./lib/tool.mjs";

const token = "ch3ck-token";
const server = await startServer({ env: { LIVE_PUSH_TOKEN: token } });
after(() => server.stop());

async function check(args, options) {
  const tool = await runTool(["check", "--json", ...args], options);
  assert.doesNotMatch(tool.output, /ch3ck-token|p4ss/);
  const { findings, errors } = JSON.parse(tool.stdout);
  assert.equal(tool.exited.code, errors > 0 ? 1 : 0, tool.output);
  const of = (subject) => findings.filter((one) => one.subject === subject);
  return { findings, errors, of, tool, level: (subject) => of(subject)[0]?.level };
}

test("the machine: what it says is what serve says", async () => {
  const seen = await check(["--shards", String(shards), "--io", io]);
  assert.equal(seen.errors, 0, seen.tool.output);
  for (const subject of ["kernel", "io_uring", "descriptors", "somaxconn", "CPU", "memory"]) {
    assert.ok(seen.of(subject).length > 0, subject);
  }
  const room = /room for ([\d,]+) connections/.exec(seen.of("descriptors")[0].text)[1];
  const served = /room for (\d+) connections/.exec(server.stderr)[1];
  assert.equal(room.replaceAll(",", ""), served);
});

test("settings that would stop the start are an error here", async () => {
  const seen = await check(["--port", "99999"]);
  assert.match(seen.of("settings")[0].text, /PORT is "99999"/);
});

test("an open push endpoint: a warning, on Fly an error; --strict minds both", async () => {
  assert.equal((await check([])).level("push"), "warning");
  assert.equal((await runTool(["check", "--strict"])).exited.code, 1);
  const env = { FLY_APP_NAME: "hub" };
  const onFly = await check(["--name-server", "127.0.0.1:9"], { env });
  assert.equal(onFly.level("push"), "error");
  const closed = await check([], { env: { LIVE_PUSH_TOKEN: token } });
  assert.equal(closed.of("push").length, 0);
});

// Answers every question with so many AAAA records.
async function nameServer(records) {
  const socket = dgram.createSocket("udp4");
  track(socket);
  socket.on("message", (question, from) => {
    let end = 12;
    while (question[end] !== 0) end += question[end] + 1;
    const head = Buffer.from(question.subarray(0, end + 5));
    head.writeUInt16BE(0x8400, 2);
    head.writeUInt16BE(records, 6);
    head.writeUInt16BE(0, 10);
    const answers = Array.from({ length: records }, (_, n) => [
      ...[0xc0, 0x0c, 0, 28, 0, 1, 0, 0, 0, 5, 0, 16],
      ...[0xfd, 0xaa, ...Array(13).fill(0), n + 1],
    ]);
    socket.send(Buffer.concat([head, Buffer.from(answers.flat())]), from.port, from.address);
  });
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}

test("several Machines without a broker are an error", async () => {
  const env = { FLY_APP_NAME: "hub", LIVE_PUSH_TOKEN: token };
  for (const [machines, level] of [
    [1, "ok"],
    [2, "error"],
    [9, "error"],
  ]) {
    const names = await nameServer(machines);
    const seen = await check(["--name-server", names.address], { env });
    assert.equal(seen.level("machines"), level, seen.tool.output);
    if (level === "error") {
      assert.match(seen.of("machines")[0].text, new RegExp(`^${machines} Machines run`));
    }
    names.close();
  }
});

test("a broker is asked whether it is there, and its password stays here", async () => {
  const redis = await Redis.start();
  const place = `127.0.0.1:${redis.port}`;
  const asked = async (url) => {
    const seen = await check([], { env: { REDIS_URL: url, LIVE_PUSH_TOKEN: token } });
    return seen.of("peers")[0];
  };
  const up = await asked(`redis://me:p4ss@${place}/0`);
  assert.equal(up.level, "ok");
  assert.equal(up.text, `REDIS_URL: ${place} answers`);
  const withoutTls = await asked(`rediss://me:p4ss@${place}/0`);
  assert.equal(withoutTls.level, "error", "it does not speak TLS");
  const nobody = await asked(`redis://me:p4ss@127.0.0.1:${await freePort()}/0`);
  assert.equal(nobody.level, "error");
  assert.match(nobody.text, /Couldn't connect|refused|Failed to connect/i);
  redis.remove();
});

test("a broker that only a default names is asked too, and counts as one", async () => {
  const names = await nameServer(3);
  const env = { FLY_APP_NAME: "hub" };
  const seen = await check(["--profile", "drop", "--name-server", names.address], { env });
  assert.ok(
    seen.of("peers").some((one) => one.text.startsWith("NATS_URL: localhost:4222")),
    seen.tool.output,
  );
  assert.equal(seen.of("machines").length, 0, "NATS joins the Machines");
  names.close();
});

test("the drain against how long the platform waits", async () => {
  for (const [drain, kill, level] of [
    ["4", "10", "ok"],
    ["9", "10", "warning"],
    ["25", "10", "error"],
  ]) {
    const seen = await check(["--drain-seconds", drain, "--kill-timeout", kill]);
    assert.equal(seen.level("drain"), level, seen.tool.output);
  }
});

const nowhere = (scheme) => `${scheme}://127.0.0.1:9`;

test("the Fly files of this directory are well, and a spoilt one is not", async (t) => {
  const file = path.join(temporaryDirectory(t), "fly.toml");
  for (const name of ["fly.toml", "fly.live-data.toml"]) {
    const text = readFileSync(path.join(root, name), "utf8");
    const seen = await check(["--fly", path.join(root, name)]);
    assert.equal(seen.errors, 0, seen.tool.output);
    assert.equal(seen.level("fly.toml"), "ok", seen.tool.output);
    for (const [from, to, sentence] of [
      [/kill_timeout = \d+/, "kill_timeout = 5", /DRAIN_SECONDS is 25/],
      [/internal_port = \d+/, "internal_port = 1", /internal_port is 1, PORT is/],
      [/"off"/, '"stop"', /auto_stop_machines/],
      [/type = "connections"/, 'type = "requests"', /the proxy takes few/],
      [/port = 9091/, "port = 9092", /asks port 9092/],
      [/ready\?local=1/, "ready", /no check asks whether/],
      [/DRAIN_SECONDS = "25"/, 'DRAIN_SECONDS = "many"', /DRAIN_SECONDS is "many"/],
    ]) {
      assert.match(text, from, `${name} has no ${from}`);
      writeFileSync(file, text.replace(from, to));
      const spoilt = await check(["--fly", file]);
      const found = spoilt.findings.find((one) => sentence.test(one.text));
      assert.ok(found && found.level !== "ok", `${sentence} in\n${spoilt.tool.output}`);
    }
  }
});

// What a deployment of each profile has as its secrets; no peer answers there, and that is said.
const secretsOf = {
  chat: {
    JWT_SECRET: "s".repeat(32),
    INTERNAL_API_SECRET: "internal",
    REDIS_URL: nowhere("redis"),
  },
  signals: { REDIS_URL: nowhere("redis") },
  sse: { NATS_URL: nowhere("nats"), RESTATE_INGRESS_URL: nowhere("http") },
  "pg-updates": {
    DATABASE_URL: `${nowhere("postgres")}/d`,
    WEBSOCKET_JWT_SECRET: "w".repeat(32),
  },
};

test("the Fly file of each profile is well, with its own settings", async () => {
  for (const [folder, secrets] of Object.entries(secretsOf)) {
    const profile = folder === "sse" ? "drop" : folder;
    const file = path.join(root, "fly", folder, "fly.toml");
    const seen = await check(["--profile", profile, "--fly", file, "--timeout", "0.2"], {
      env: { ...secrets, PG_OUTBOX: profile === "pg-updates" ? "1" : "0" },
    });
    for (const { level } of [...seen.of("fly.toml"), ...seen.of("drain"), ...seen.of("settings")])
      assert.equal(level, "ok", `${folder}:\n${seen.tool.output}`);
    assert.equal(seen.of("fly.toml").length, 1);
    const text = readFileSync(file, "utf8");
    const named = /LIVEHUB_PROFILE = "([a-z-]+)"|livehub serve --profile ([a-z-]+)"/.exec(text);
    assert.equal(named[1] ?? named[2], profile);
  }
});

test("pg-updates with many users: the outbox is advised", async () => {
  const secrets = { DATABASE_URL: "postgres://u@127.0.0.1:9/x", WEBSOCKET_JWT_SECRET: "p4ss" };
  const file = path.join(root, "fly/pg-updates/fly.toml");
  const args = ["--profile", "pg-updates", "--fly", file, "--timeout", "0.2"];
  const seen = await check(args, { env: secrets });
  assert.equal(seen.level("outbox"), "warning", seen.tool.output);
  assert.match(seen.of("outbox")[0].text, /soft_limit lets in 20000 users; above 2000/);
  const without = await check(args, { env: { ...secrets, PG_OUTBOX: "1" } });
  assert.equal(without.of("outbox").length, 0, without.tool.output);

  let connectedUsers = 2001;
  const health = http.createServer((_, response) => {
    response.end(JSON.stringify({ status: "healthy", connectedUsers }));
  });
  await new Promise((resolve) => health.listen(0, "127.0.0.1", resolve));
  track(health, () => health.close());
  const url = ["--url", `http://127.0.0.1:${health.address().port}`, "--profile", "pg-updates"];
  assert.match((await check(url)).of("outbox")[0].text, /2001 users are connected/);
  for (connectedUsers of [2000, "many", null]) {
    assert.equal((await check(url)).of("outbox").length, 0);
  }
  health.closeAllConnections();
});

test("a deployment, from outside", async () => {
  const env = { LIVE_PUSH_TOKEN: token };
  const seen = await check(["--url", server.url], { env });
  assert.equal(seen.errors, 0, seen.tool.output);
  assert.equal(seen.level("ready"), "ok");
  assert.equal(seen.level("push"), "ok");
  for (const subject of ["SSE", "WebSocket"]) {
    assert.match(seen.of(subject)[0].text, /^pushed and received in \d+ ms$/);
  }
  const without = await check(["--url", server.url]);
  assert.match(without.of("SSE")[0].text, /refused with 401/);
  const quiet = await check(["--url", server.url, "--no-push"]);
  assert.equal(quiet.errors, 0, quiet.tool.output);
  assert.match(quiet.of("WebSocket")[0].text, /opens$/);
});

test("a deployment that is open, and one that keeps pages out", async () => {
  await withServer({ env: { CORS_ORIGINS: "https://a.example" } }, async (open) => {
    const good = await check(["--url", open.url, "--origin", "https://a.example"]);
    assert.equal(good.errors, 0, good.tool.output);
    assert.equal(good.level("push"), "warning");
    assert.equal(good.level("CORS"), "ok");
    const bad = await check(["--url", open.url, "--origin", "https://b.example"]);
    assert.equal(bad.level("CORS"), "error", bad.tool.output);
    assert.match(bad.of("SSE")[0].text, /403/);
  });
});

test("nobody there, and somebody else there", async () => {
  const other = http.createServer((_, response) => response.writeHead(404).end("no"));
  track(other, () => other.closeAllConnections());
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${other.address().port}`;
  const seen = await check(["--url", url]);
  assert.equal(seen.level("health"), "error", seen.tool.output);
  assert.equal(seen.level("SSE"), "error");
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  const gone = await check(["--url", url]);
  assert.equal(gone.level("connect"), "error");
});

test("a deployment of another profile: its stream's first event", async () => {
  await withSignals(async ({ hub }) => {
    const seen = await check(["--url", hub.url, "--profile", "signals"]);
    assert.equal(seen.errors, 0, seen.tool.output);
    assert.match(seen.of("SSE")[0].text, /opens, and its first event came$/);
  });
});

// Passes what it decrypts on to the hub.
async function tlsProxy(directory, days) {
  const file = (name) => path.join(directory, name);
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", String(days)];
  const names = ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"];
  execFileSync("openssl", [...args, ...names], { stdio: "ignore", cwd: directory });
  const options = { key: readFileSync(file("key.pem")), cert: readFileSync(file("cert.pem")) };
  const sockets = new Set();
  const proxy = https.createServer(options);
  proxy.removeAllListeners("secureConnection").on("secureConnection", (client) => {
    const behind = net.connect(server.port, "127.0.0.1");
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on("error", () => behind.destroy() && client.destroy());
    }
    client.pipe(behind).pipe(client);
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  track(proxy, () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return `https://localhost:${proxy.address().port}`;
}

test("a deployment behind TLS: whether the certificate is good, and for how long", async (t) => {
  const url = await tlsProxy(temporaryDirectory(t), 5);
  const env = { LIVE_PUSH_TOKEN: token };
  const unknown = await check(["--url", url], { env });
  assert.equal(unknown.level("connect"), "error", unknown.tool.output);
  const soon = await check(["--url", url, "--insecure"], { env });
  assert.equal(soon.errors, 0, soon.tool.output);
  assert.equal(soon.level("TLS"), "warning");
  assert.match(soon.of("TLS")[0].text, /not checked; it ends in [45] days$/);
  const later = await tlsProxy(temporaryDirectory(t), 90);
  const good = await check(["--url", later, "--insecure"], { env });
  assert.equal(good.level("TLS"), "ok", good.tool.output);
  assert.match(good.of("TLS")[0].text, /(89|90) days$/);
});
