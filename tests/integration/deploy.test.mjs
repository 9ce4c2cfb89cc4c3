// fly/deploy.sh against a stand-in for flyctl: what it does on nothing, what it does again, what it
// prints without doing it, and that a failure stops it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { freePort } from "./lib/nats.mjs";
import { range } from "./lib/patience.mjs";
import { binary, root, temporaryDirectory } from "./lib/server.mjs";

const script = path.join(root, "fly/deploy.sh");
const apps = ["nats", "restate", "sse", "api", "worker", "web"];

// Runs it without blocking the stand-in: that one is a process of its own.
async function deploy(state, { args = [], env = {}, fails = false } = {}) {
  const result = spawnSync(script, args, {
    encoding: "utf8",
    timeout: 120_000,
    env: {
      PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
      HOME: state,
      APP_PREFIX: "acme",
      FLYCTL: path.join(root, "tests/integration/lib/flyctl.mjs"),
      STAND_IN_STATE: state,
      RESTATE_ADMIN_LOCAL_PORT: String(await freePort()),
      ...env,
    },
  });
  assert.equal(result.status !== 0, fails, `${result.stdout}${result.stderr}`);
  const log = path.join(state, "log");
  const lines = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  writeFileSync(log, "");
  return { ...result, lines: lines.filter(Boolean) };
}
const stateOf = (directory) => JSON.parse(readFileSync(path.join(directory, "state.json"), "utf8"));
const deployed = (lines) =>
  lines.filter((line) => line.startsWith("deploy ")).map((line) => / -a acme-(\w+)/.exec(line)[1]);

test("from nothing: six apps, two volumes, secrets; what is not given is skipped", async (t) => {
  const state = temporaryDirectory(t);
  const { lines, stdout } = await deploy(state);
  const after = stateOf(state);
  assert.deepEqual(after.apps, apps.map((app) => `acme-${app}`));
  assert.deepEqual(after.volumes, [
    ["acme-nats", "nats_data"],
    ["acme-restate", "restate_data"],
  ]);
  assert.deepEqual(after.secrets["acme-sse"], {
    NATS_URL: "nats://acme-nats.internal:4222",
    RESTATE_INGRESS_URL: "http://acme-restate.internal:8080",
    CORS_ORIGINS: "https://acme-web.fly.dev",
  });
  assert.deepEqual(deployed(lines), ["nats", "restate", "sse"]);
  for (const app of ["api", "worker", "web"])
    assert.match(stdout, new RegExp(`skipped acme-${app}`));
  assert.match(stdout, /^web {2}https:\/\/acme-web\.fly\.dev$/m);
  assert.ok(!lines.some((line) => line.startsWith("proxy")));
});

test("with the three others: deployed, and the worker registered, each time", async (t) => {
  const state = temporaryDirectory(t);
  const own = path.join(state, "web dir");
  mkdirSync(own);
  writeFileSync(path.join(own, "fly.toml"), 'app = "x"\n');
  const secrets = path.join(state, "secrets");
  writeFileSync(secrets, "TOKEN=hemmelig\n");
  const env = {
    API_IMAGE: "registry.test/api:1",
    WORKER_DIR: state,
    WEB_DIR: own,
    API_SECRETS: secrets,
  };
  for (const round of range(2)) {
    const { lines, stdout, stderr } = await deploy(state, { env });
    assert.deepEqual(deployed(lines), ["nats", "restate", "worker", "sse", "api", "web"]);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("POST")),
      ['POST /deployments {"uri":"http://acme-worker.internal:9080","force":true}'],
    );
    assert.equal(lines.some((line) => /^(apps|volumes) create/.test(line)), round === 0);
    assert.ok(lines.some((line) => line.includes(`--config ${own}/fly.toml ${own}`)));
    assert.ok(lines.some((line) => line.includes(`--config ${root}/fly/worker/fly.toml`)));
    assert.ok(lines.some((line) => line.includes("--image registry.test/api:1")));
    assert.equal(stateOf(state).secrets["acme-api"].TOKEN, "hemmelig");
    assert.doesNotMatch(stdout + stderr, /hemmelig/);
  }
});

test("--dry-run prints every command that a first run runs, and runs none", async (t) => {
  const state = temporaryDirectory(t);
  const env = { API_IMAGE: "a", WORKER_IMAGE: "b", WEB_IMAGE: "c", FLYCTL: "flyctl" };
  const dry = await deploy(state, { args: ["--dry-run"], env });
  assert.deepEqual(dry.lines, []);
  assert.ok(!existsSync(path.join(state, "state.json")));
  const printed = [...dry.stdout.matchAll(/^\+ flyctl (.*?)( &)?$/gm)].map((match) => match[1]);
  const { FLYCTL, ...same } = env;
  const real = await deploy(state, { env: same });
  const changing = real.lines.filter((line) => !/^(status|volumes list|POST)/.test(line));
  const port = /^proxy \d+/;
  assert.deepEqual(
    printed.map((line) => line.replace(port, "proxy").replaceAll("\\", "")),
    changing.map((line) => line.replace(port, "proxy")),
  );
  assert.match(dry.stdout, /^\+ curl .*\/deployments$/m);
});

test("a failure stops it there, and the next run goes on", async (t) => {
  const state = temporaryDirectory(t);
  const env = { WORKER_IMAGE: "b", API_IMAGE: "a" };
  for (const point of ["apps create acme-api", "volumes list", "deploy -a acme-worker",
    "secrets set --stage -a acme-sse", "deploy -a acme-api"]) {
    const { lines } = await deploy(state, { env: { ...env, FAIL_ON: point }, fails: true });
    assert.ok(lines.at(-1).includes(point), `${point}: it went on with ${lines.at(-1)}`);
  }
  const { lines } = await deploy(state, { env });
  assert.deepEqual(deployed(lines), ["nats", "restate", "worker", "sse", "api"]);
});

test("wrong settings are a sentence, before anything is done", async (t) => {
  const state = temporaryDirectory(t);
  for (const [env, sentence] of [
    [{ APP_PREFIX: "Bad_Name" }, /APP_PREFIX/],
    [{ API_DIR: "/nowhere" }, /API_DIR/],
    [{ API_DIR: "/tmp", API_IMAGE: "x" }, /not both/],
    [{ SSE_SECRETS: "/nowhere" }, /SSE_SECRETS/],
    [{ FLYCTL: "no-such-flyctl" }, /no-such-flyctl is not installed/],
  ]) {
    const { stderr, lines } = await deploy(state, { env, fails: true });
    assert.match(stderr, sentence);
    assert.deepEqual(lines, []);
  }
  assert.equal((await deploy(state, { args: ["--wet"], fails: true })).status, 2);
});

// What Fly would read: the image's program understands the command and the settings of sse.
test("the sse app's command and settings are the program's", async (t) => {
  const toml = readFileSync(path.join(root, "fly/sse/fly.toml"), "utf8");
  const command = /^ {2}app = "livehub (.*)"$/m.exec(toml)[1].split(" ");
  assert.deepEqual(command, ["serve", "--profile", "drop"]);
  assert.match(toml, /dockerfile = "\.\.\/\.\.\/Dockerfile"/);
  assert.ok(existsSync(path.join(root, "fly/sse", "../../Dockerfile")));
  const help = spawnSync(binary, ["serve", "--help"], { encoding: "utf8" }).stdout;
  assert.match(help, /drop/);
  for (const directory of readdirSync(path.join(root, "fly"), { withFileTypes: true })) {
    if (!directory.isDirectory()) continue;
    const text = readFileSync(path.join(root, "fly", directory.name, "fly.toml"), "utf8");
    assert.match(text, /^app = "[a-z-]+"$/m, directory.name);
  }
});
