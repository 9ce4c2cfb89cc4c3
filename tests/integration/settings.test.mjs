// Settings: flags over environment over TOML; what is not known is named and stops the start.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { exchange, request } from "./lib/raw.mjs";
import { Server, binary, refusedStart, temporaryDirectory, withServer } from "./lib/server.mjs";

const run = promisify(execFile);
const mode = async (server) =>
  JSON.parse((await exchange(server, request("GET", "/health"))).body).mode;

async function freePort() {
  const holder = net.createServer();
  await new Promise((resolve) => holder.listen(0, "::", resolve));
  const { port } = holder.address();
  await new Promise((resolve) => holder.close(resolve));
  return port;
}

function configFile(t, text) {
  const file = path.join(temporaryDirectory(t), "livehub.toml");
  writeFileSync(file, text);
  return file;
}

test("--help says what there is and exits 0", async () => {
  for (const args of [["--help"], ["serve", "--help"]]) {
    const { stdout } = await run(binary, args);
    assert.match(stdout, /serve|--port/);
  }
  const { stdout } = await run(binary, ["serve", "--help"]);
  for (const flag of ["--profile", "--port", "--admin-port", "--shards", "--io", "--config"]) {
    assert.ok(stdout.includes(flag), flag);
  }
});

test("the listening line is one line on stdout, alone", async () => {
  await withServer({}, async (server) => {
    assert.match(server.stdout, /^livehub listening port=\d+ admin=\d+\n$/);
    assert.ok(server.port > 0 && server.adminPort > 0 && server.port !== server.adminPort);
  });
});

test("PORT from the environment; a flag wins", async () => {
  const [first, second] = [await freePort(), await freePort()];
  await withServer({ port: null, env: { PORT: String(first) } }, async (server) => {
    assert.equal(server.port, first);
  });
  await withServer({ port: second, env: { PORT: String(first) } }, async (server) => {
    assert.equal(server.port, second);
  });
});

test("the environment can carry everything", async () => {
  const env = {
    LIVEHUB_PROFILE: "live-data",
    PORT: "0",
    ADMIN_PORT: "auto",
    LIVEHUB_SHARDS: "2",
    LIVEHUB_IO: "epoll",
  };
  await withServer({ profile: null, port: null, adminPort: null, env }, async (server) => {
    assert.equal(await mode(server), "hub");
  });
});

test("TOML by --config or LIVEHUB_CONFIG; environment over it, flags over both", async (t) => {
  const [inFile, inEnvironment, onLine] = [await freePort(), await freePort(), await freePort()];
  const file = configFile(t, `port = ${inFile}\nmode = "generator"\ntick_ms = 1000\n`);
  await withServer({ port: null, args: ["--config", file] }, async (server) => {
    assert.equal(server.port, inFile);
    assert.equal(await mode(server), "generator");
  });
  const env = { LIVEHUB_CONFIG: file, PORT: String(inEnvironment), MODE: "hub" };
  await withServer({ port: null, env }, async (server) => {
    assert.equal(server.port, inEnvironment);
    assert.equal(await mode(server), "hub");
  });
  await withServer({ port: onLine, env }, async (server) => assert.equal(server.port, onLine));
});

test("each setting is a flag too; a secret never is, but may come from a file", async (t) => {
  await withServer({ args: ["--mode", "generator"], env: { MODE: "hub" } }, async (server) => {
    assert.equal(await mode(server), "generator");
  });
  const refused = await refusedStart({ args: ["--live-push-token", "sEcReT"] });
  assert.match(refused.stderr, /live-push-token/);
  assert.doesNotMatch(refused.stderr, /sEcReT/);
  const file = path.join(temporaryDirectory(t), "token");
  writeFileSync(file, "from a file\n");
  await withServer({ env: { LIVE_PUSH_TOKEN_FILE: file } }, async (server) => {
    const push = (token) =>
      request("POST", "/api/live/push", { Authorization: `Bearer ${token}` }, "1");
    assert.equal((await exchange(server, push("from a file"))).status, 200);
    assert.equal((await exchange(server, push("another"))).status, 401);
  });
});

test("an unknown flag stops the start and is named", async () => {
  assert.match((await refusedStart({ args: ["--bogus-flag", "1"] })).stderr, /bogus-flag/);
  assert.match((await refusedStart({ args: ["stray"] })).stderr, /stray/);
});

test("an unknown TOML key stops the start and is named, with file and place", async (t) => {
  const file = configFile(t, 'mode = "hub"\nbogus_key = 1\n');
  const refused = await refusedStart({ args: ["--config", file] });
  assert.match(refused.stderr, /bogus_key/);
  assert.match(refused.stderr, /livehub\.toml/);
});

test("bad TOML and a missing file stop the start and are named", async (t) => {
  const file = configFile(t, "mode = \n");
  assert.match((await refusedStart({ args: ["--config", file] })).stderr, /livehub\.toml/);
  assert.match(
    (await refusedStart({ args: ["--config", "/nowhere/at.toml"] })).stderr,
    /\/nowhere\/at\.toml/,
  );
});

test("an unknown LIVEHUB_ name stops the start and is named", async () => {
  assert.match((await refusedStart({ env: { LIVEHUB_BOGUS: "1" } })).stderr, /LIVEHUB_BOGUS/);
  assert.match((await refusedStart({ env: { LIVEHUB_SHARD: "1" } })).stderr, /LIVEHUB_SHARD\b/);
});

test("other names are nobody's business", async () => {
  const env = { FOO: "1", HISTORY_COUNTS: "x", BACKEND: "y", NODE_ENV: "production", TICK: "1" };
  await withServer({ env }, async (server) => assert.equal(await mode(server), "hub"));
});

test("the contract's names are accepted; those without effect are listed once", async () => {
  const env = { MODE: "HUB", TICK_MS: "1000", LIVE_PUSH_TOKEN: "", MAX_BODY_BYTES: "256000" };
  await withServer({ env }, async (server) => {
    assert.equal(await mode(server), "hub");
    await server.until(
      (s) => /TICK_MS/.test(s.stderr),
      "TICK_MS in the log: it has no effect in hub mode",
    );
    assert.equal(server.stderr.split("\n").filter((line) => line.includes("TICK_MS")).length, 1);
  });
});

test("every other setting is accepted", async () => {
  const env = {
    HISTORY_COUNT: "10",
    HISTORY_BYTES: "1000000",
    HISTORY_SECONDS: "60",
    RING_BYTES: "1048576",
    ARENA_BYTES: "4194304",
    MEMORY_BYTES: "268435456",
    PUSH_WAIT_MS: "1000",
    SLOW_READER: "disconnect",
    HEARTBEAT_SECONDS: "10",
    DRAIN_SECONDS: "1",
    LOG_LEVEL: "debug",
    CORS_ORIGINS: "*",
    PUBLIC_READY: "1",
  };
  await withServer({ env }, async (server) => assert.equal(await mode(server), "hub"));
});

for (const [name, value] of [
  ["PORT", "abc"],
  ["PORT", "65536"],
  ["PORT", "-1"],
  ["ADMIN_PORT", "x"],
  ["MODE", "turbo"],
  ["TICK_MS", "0"],
  ["MAX_BODY_BYTES", "lots"],
  ["HISTORY_COUNT", "-5"],
  ["HISTORY_BYTES", "1e3"],
  ["HEARTBEAT_SECONDS", "soon"],
  ["DRAIN_SECONDS", "-1"],
  ["SLOW_READER", "whip"],
  ["LOG_LEVEL", "loudest"],
  ["LIVEHUB_IO", "kqueue"],
  ["LIVEHUB_SHARDS", "0"],
  ["LIVEHUB_PROFILE", "nothing"],
  ["CORS_ORIGINS", "https://a.test/path"],
]) {
  test(`a value that makes no sense stops the start and is named: ${name}=${value}`, async () => {
    const env = {
      MODE: name === "TICK_MS" ? "generator" : "hub",
      LIVEHUB_PROFILE: "live-data",
      [name]: value,
    };
    const bare = {
      port: name === "PORT" ? null : 0,
      adminPort: name === "ADMIN_PORT" ? null : "auto",
    };
    const own = { ...bare, profile: null, env };
    // Flags would hide these two: their tests start without.
    const refused =
      name === "LIVEHUB_IO" || name === "LIVEHUB_SHARDS"
        ? await refusedBare(own)
        : await refusedStart(own);
    assert.ok(refused.stderr.includes(name), `${name} is not named\n${refused.output}`);
  });
}

async function refusedBare({ env }) {
  const error = await run(binary, ["serve", "--port", "0", "--admin-port", "auto"], {
    env: { PATH: process.env.PATH, ...env },
    timeout: 20_000,
  }).catch((e) => e);
  assert.ok(error.code > 0, `it started: ${JSON.stringify(error)}`);
  return { stderr: error.stderr, output: error.stdout + error.stderr };
}

test("--io auto says in one line what it chose and why", async () => {
  const args = [
    "serve",
    "--profile",
    "live-data",
    "--port",
    "0",
    "--admin-port",
    "auto",
    "--io",
    "auto",
  ];
  const server = new Server(binary, args, { PATH: process.env.PATH }, {});
  await server.untilListening();
  assert.equal(server.stderr.split("\n").filter((line) => /uring|epoll/.test(line)).length, 1);
  await server.stop();
});

test("no secret is ever printed", async () => {
  const env = {
    LIVE_PUSH_TOKEN: "tOkEn-in-no-log",
    LIVE_PUSH_HMAC_SECRET: "sEcReT-in-no-log",
    LOG_LEVEL: "debug",
  };
  await withServer({ env }, async (server) => {
    const headers = { Authorization: "Bearer tOkEn-in-no-log" };
    await exchange(server, request("POST", "/api/live/push?token=qUeRy-in-no-log", headers, "1"));
    await exchange(server, request("GET", "/health?token=qUeRy-in-no-log"));
    assert.doesNotMatch(server.output, /in-no-log/);
  });
});
