// The commands that talk to nobody, or ask one question.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { binary, root, temporaryDirectory, withServer } from "./lib/server.mjs";
import { runTool, toolEnvironment } from "./lib/tool.mjs";

const names = async () => {
  const { stdout } = await runTool(["help"]);
  const list = stdout.slice(0, stdout.indexOf("-h, --help"));
  return [...list.matchAll(/^ {2}([a-z-]+)(?: [A-Za-z.]+)? {2,}\S/gm)].map((match) => match[1]);
};

test("help names every command, and each explains itself", async () => {
  const all = await names();
  for (const name of ["serve", "tail", "push", "probe", "config", "profiles", "token", "help"]) {
    assert.ok(all.includes(name), `${name} is not in ${all}`);
  }
  for (const name of all.filter((one) => one !== "serve")) {
    for (const args of [
      [name, "--help"],
      ["help", name],
    ]) {
      const tool = await runTool(args);
      assert.equal(tool.exited.code, 0, tool.output);
      assert.match(tool.stdout, new RegExp(`^Usage: livehub ${name}\\b`, "m"));
      assert.match(tool.stdout, /^Exit codes:?( 0 .*; 2 |\n *0 )/m, name);
    }
  }
});

test("what is not understood is named, and ends with 2", async () => {
  for (const [args, sentence] of [
    [["tial"], /"tial" is not a command; did you mean tail\?/],
    [["tail"], /tail: say URL/],
    [["tail", "http://x", "--cuont", "1"], /--cuont is not an option; did you mean --count\?/],
    [["push", "ws://x/"], /pushes go over http/],
    [["push", "localhost:8787"], /the URL must begin with/],
    [["tail", "http://x", "--count", "0"], /--count is a number/],
    [["help", "nothing"], /there is no command nothing/],
    [["completion", "tcsh"], /there is only bash/],
  ]) {
    const tool = await runTool(args);
    assert.equal(tool.exited.code, 2, tool.output);
    assert.match(tool.stderr, sentence);
    assert.equal(tool.stdout, "");
  }
});

test("--version --verbose names the libraries", async () => {
  const tool = await runTool(["--version", "--verbose"]);
  const nameOf = {
    "liburing-dev": "liburing",
    "node-llhttp": "llhttp",
    "libssl-dev": "OpenSSL",
    "libmimalloc-dev": "mimalloc",
    "zlib1g-dev": "zlib",
    "libspdlog-dev": "spdlog",
    "libtomlplusplus-dev": "toml\\+\\+",
    "libcli11-dev": "CLI11",
    "prometheus-cpp-dev": "prometheus",
    "libhiredis-dev": "hiredis",
    "libcjose-dev": "cjose",
    "libjansson-dev": "jansson",
    "libcurl4-openssl-dev": "libcurl",
    "libpq-dev": "libpq",
    "libnats-dev": "libnats",
    "nlohmann-json3-dev": "json",
    "libjs-chart.js": "Chart\\.js",
  };
  const makefile = readFileSync(path.join(root, "Makefile"), "utf8");
  const packages = /^BUILD_PACKAGES := ((?:.*\\\n)*.*)/m.exec(makefile)[1].split(/[\s\\]+/);
  const builders = ["g++", "cmake", "ninja-build", "pkg-config"];
  for (const name of packages.filter((one) => !builders.includes(one))) {
    assert.ok(nameOf[name], `${name} is a new dependency: livehub version names it, and this test`);
    assert.match(tool.stdout, new RegExp(`^  ${nameOf[name]} +\\d+\\.\\d`, "m"));
  }
  for (const name of ["profiles", "I/O", "kernel", "compiler"]) {
    assert.match(tool.stdout, new RegExp(`^  ${name} +\\S`, "m"));
  }
  const json = JSON.parse((await runTool(["version", "--json"])).stdout);
  assert.equal(`livehub ${json.version}`, (await runTool(["--version"])).stdout.trim());
});

test("config says what is in force and where it came from, and never a secret", async (t) => {
  const file = path.join(temporaryDirectory(t), "hub.toml");
  writeFileSync(file, 'history_count = 7\nlive_push_token = "s3cret-in-file"\n');
  const env = { PORT: "1234", LIVE_PUSH_HMAC_SECRET: "s3cret-in-env" };
  const args = ["config", "--config", file, "--shards", "3"];
  const table = await runTool(args, { env });
  assert.equal(table.exited.code, 0, table.output);
  assert.match(table.stdout, /^ {2}HISTORY_COUNT +7 +\S+hub\.toml:1$/m);
  assert.match(table.stdout, /^ {2}PORT +1234 +environment$/m);
  assert.match(table.stdout, /^ {2}LIVEHUB_SHARDS +3 +flag --shards$/m);
  assert.match(table.stdout, /^ {2}PING_SECONDS +15 +default$/m);
  assert.match(table.stdout, /^ {2}LIVE_PUSH_TOKEN +\(set\) +\S+hub\.toml:2$/m);
  const json = await runTool([...args, "--json"], { env });
  const rows = JSON.parse(json.stdout).settings;
  const row = (name) => rows.find((one) => one.name === name);
  assert.deepEqual(row("PORT"), { name: "PORT", source: "environment", value: "1234" });
  assert.deepEqual(row("LIVE_PUSH_HMAC_SECRET"), {
    name: "LIVE_PUSH_HMAC_SECRET",
    source: "environment",
    is_set: true,
  });
  for (const tool of [table, json]) assert.doesNotMatch(tool.output, /s3cret/);
});

test("config of settings that are wrong is their sentence, and 1", async () => {
  const tool = await runTool(["config"], { env: { PORT: "many" } });
  assert.equal(tool.exited.code, 1);
  assert.match(tool.stderr, /PORT is "many" \(environment\)/);
});

test("config --schema is the schema of the file", async () => {
  const schema = JSON.parse((await runTool(["config", "--schema"])).stdout);
  assert.equal(schema.properties.port.default, "8787");
  const profiles = JSON.parse((await runTool(["profiles", "--json"])).stdout);
  for (const profile of profiles) {
    assert.ok(schema.properties.profile.enum.includes(profile.name));
    for (const setting of profile.settings) {
      const property = Object.values(schema.properties).find(
        (one) => one["x-environment"] === setting.name,
      );
      assert.ok(property?.["x-profiles"].includes(profile.name), setting.name);
    }
  }
  assert.equal((await runTool(["profiles", "nothing"])).exited.code, 1);
});

test("token makes what a JWT library takes apart", async () => {
  const env = { JWT_SECRET: "shared secret" };
  const args = ["token", "userId=u1", "level:=3", "--key-id", "k1", "--expires", "60"];
  const tool = await runTool(args, { env });
  assert.equal(tool.exited.code, 0, tool.output);
  const [head, body, signature] = tool.stdout.trim().split(".");
  const expected = createHmac("sha256", env.JWT_SECRET)
    .update(`${head}.${body}`)
    .digest("base64url");
  assert.equal(signature, expected);
  const decode = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  assert.deepEqual(decode(head), { alg: "HS256", typ: "JWT", kid: "k1" });
  const claims = decode(body);
  assert.equal(claims.userId, "u1");
  assert.equal(claims.level, 3);
  assert.equal(claims.exp - claims.iat, 60);

  const piped = await runTool(["token", "a=b", "iat:=0", "exp:=9", "--stdin"], {
    input: "shared secret\n",
  });
  const [pipedHead, pipedBody, pipedSignature] = piped.stdout.trim().split(".");
  assert.equal(
    pipedSignature,
    createHmac("sha256", "shared secret").update(`${pipedHead}.${pipedBody}`).digest("base64url"),
  );
  const without = await runTool(["token", "a=b"]);
  assert.equal(without.exited.code, 2);
  assert.match(without.stderr, /set JWT_SECRET/);
});

// Asks bash itself, as pressing Tab does.
function completed(words) {
  const script = `
    source <("$1" completion bash)
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _livehub
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync("bash", ["-c", script, "bash", binary, "livehub", ...words], {
    encoding: "utf8",
    env: toolEnvironment(),
  });
  assert.equal(result.stderr, "");
  return result.stdout.split("\n").filter(Boolean);
}

test("completion finishes commands, options and values", async () => {
  assert.deepEqual(completed(["ta"]).includes("tail"), true);
  assert.deepEqual(completed(["tail", "--last"]), ["--last-event-id"]);
  assert.deepEqual(completed(["serve", "--io", "u"]), ["uring"]);
  assert.deepEqual(completed(["serve", "--history-c"]), ["--history-count"]);
  assert.deepEqual(completed(["--slow-reader", "s"]), ["skip"]);
  assert.deepEqual(completed(["config", "--sch"]), ["--schema"]);
  assert.deepEqual(completed(["help", "pu"]), ["push"]);
  assert.ok(completed(["profiles", "live"]).includes("live-data"));
  for (const name of await names()) assert.ok(completed([""]).includes(name), name);
});

test("pg-setup prints SQL, and applies it only where it is told", async () => {
  const printed = await runTool(["pg-setup"]);
  assert.equal(printed.exited.code, 0);
  assert.match(printed.stdout, /livehub_outbox/);
  assert.equal((await runTool(["pg-setup", "--apply"])).exited.code, 1);
  const env = { DATABASE_URL: "postgres://me:p4ss@127.0.0.1:9/x" };
  const refused = await runTool(["pg-setup", "--apply"], { env });
  assert.equal(refused.exited.code, 1, refused.output);
  assert.doesNotMatch(refused.output, /p4ss/);
});

test("probe finds the server that these settings describe", async () => {
  await withServer({}, async (server) => {
    const env = { PORT: String(server.port), ADMIN_PORT: String(server.adminPort) };
    for (const args of [["probe"], ["probe", "--ready"]]) {
      const tool = await runTool(args, { env });
      assert.equal(tool.exited.code, 0, tool.output);
      assert.match(tool.stdout, /^200 from http:\/\/127\.0\.0\.1:\d+\/(live|ready)\n$/);
    }
    const quiet = await runTool(["probe", "--quiet", "--admin-port", String(server.adminPort)]);
    assert.equal(quiet.exited.code, 0);
    assert.equal(quiet.stdout + quiet.stderr, "");
    // Without an admin port it asks the clients' port; a proxy of the environment is not asked.
    const bare = await runTool(["probe"], {
      env: { ...env, ADMIN_PORT: "0", http_proxy: "http://127.0.0.1:9/" },
    });
    assert.equal(bare.exited.code, 0, bare.output);
    assert.match(bare.stdout, /_livehub\/ready/);
  });
});

test("probe is 1 where nobody is, or somebody who is not well", async () => {
  const holder = net.createServer((socket) => {
    socket.resume().end("HTTP/1.1 503 No\r\n\r\nnot well");
  });
  await new Promise((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address();
  const sick = await runTool(["probe", "--admin-port", String(port), "--port", "0"]);
  assert.equal(sick.exited.code, 1, sick.output);
  assert.match(sick.stderr, /status 503 not well/);
  await new Promise((resolve) => holder.close(resolve));
  const none = await runTool(["probe", "--admin-port", String(port), "--port", "0"]);
  assert.equal(none.exited.code, 1);
  const silent = net.createServer((socket) => socket.resume());
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${silent.address().port}/live`;
  const late = await runTool(["probe", "--url", url, "--timeout", "0.3"]);
  assert.equal(late.exited.code, 1, late.output);
  silent.close();
});

test("load prints points", async () => {
  const tool = await runTool(["load", "--every", "0.05", "--count", "3"]);
  assert.equal(tool.exited.code, 0, tool.output);
  assert.equal(tool.lines.length, 3);
  for (const line of tool.lines) {
    const point = JSON.parse(line);
    assert.ok(point.activeUsers > 0 && point.errorRate > 0 && point.errorRate < 1, line);
    assert.ok(Math.abs(Date.now() - point.ts) < 3_600_000, line);
  }
});
