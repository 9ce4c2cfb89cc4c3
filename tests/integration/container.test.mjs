// What the Dockerfile does, step by step, without a container engine; and whether ports, paths and
// times in all files about deploying are what the program has.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { eventually } from "./lib/patience.mjs";
import { Server, binary, root, sanitized, temporaryDirectory, withServer } from "./lib/server.mjs";
import { runTool, toolEnvironment } from "./lib/tool.mjs";

const read = (name) => readFileSync(path.join(root, name), "utf8");
const deploy = (name) => `docs/examples/deploy/${name}`;
const dockerfile = read("Dockerfile");
const lastStage = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
const imageEnv = Object.fromEntries(
  [...lastStage.matchAll(/^ENV (.*)$/gm)].flatMap(([, line]) =>
    line.split(" ").map((pair) => pair.split("=")),
  ),
);
const number = (text, pattern) => Number(pattern.exec(text)?.[1] ?? NaN);
const config = async (env, args = []) => {
  const tool = await runTool(["config", "--json", ...args], { env });
  assert.equal(tool.exited.code, 0, tool.output);
  const { settings } = JSON.parse(tool.stdout);
  return (name) => settings.find((one) => one.name === name)?.value;
};

test("the image: commands in exec form, not root, the program's ports", async () => {
  const commands = [...lastStage.matchAll(/^(?:HEALTHCHECK .*)?CMD (.*)$/gm)].map((m) => m[1]);
  assert.equal(commands.length, 2);
  const [health, serve] = commands.map((text) => JSON.parse(text));
  assert.deepEqual(serve, ["livehub", "serve"]);
  assert.deepEqual(health.slice(0, 2), ["livehub", "probe"]);
  assert.match(lastStage, /^USER nobody$/m);
  assert.match(lastStage, /^STOPSIGNAL SIGTERM$/m);
  const value = await config(imageEnv);
  const exposed = /^EXPOSE (.*)$/m.exec(lastStage)[1].split(" ");
  assert.deepEqual(exposed, [value("PORT"), value("ADMIN_PORT")]);
});

test("the sources that .dockerignore lets in are enough to build", (t) => {
  const directory = temporaryDirectory(t);
  const allowed = read(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  for (const name of allowed) {
    cpSync(path.join(root, name), path.join(directory, name), { recursive: true });
  }
  assert.match(read("Makefile"), /cmake --preset release -DLIVEHUB_TESTS=OFF -DLIVEHUB_BENCH=OFF/);
  const run = (command, args) => {
    const options = { cwd: directory, encoding: "utf8", env: toolEnvironment() };
    const result = spawnSync(command, args, options);
    const said = `${result.stdout}${result.stderr}`;
    assert.equal(result.status, 0, `${command} ${args.join(" ")}\n${said}`);
  };
  run("cmake", ["--preset", "release", "-DLIVEHUB_TESTS=OFF", "-DLIVEHUB_BENCH=OFF"]);
  run("ninja", ["-C", "build", "-n", "livehub"]); // names a source that is missing
});

// The shared libraries of a program, as paths.
function librariesOf(file) {
  const text = execFileSync("ldd", [file], { encoding: "utf8" });
  assert.doesNotMatch(text, /not found/);
  return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]);
}

// What a package brings along, itself included.
function closure(packages) {
  const args = ["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts"];
  const text = execFileSync(
    "apt-cache",
    [...args, "--no-breaks", "--no-replaces", "--no-enhances", "--installed", ...packages],
    { encoding: "utf8" },
  );
  return new Set([...text.matchAll(/^\s*\|?(?:Pre)?Depends: <?([^\s>]+)>?/gm)].map((m) => m[1]));
}

const skipLinks = sanitized ? "a sanitizer's build has libraries of its own" : false;

test("the image's packages bring every library", { skip: skipLinks }, () => {
  const packages = /apt-get install -y -q --no-install-recommends ([^&]*)/
    .exec(lastStage)[1]
    .split(/[\s\\]+/)
    .filter(Boolean);
  const brought = closure(packages);
  for (const one of packages) brought.add(one);
  const base = new Set(["libc6", "libgcc-s1", "libstdc++6"]); // apt itself needs them
  for (const library of librariesOf(binary)) {
    const names = [library, `/usr${library}`, library.replace(/^\/usr/, "")];
    const found = spawnSync("dpkg", ["-S", ...names], { encoding: "utf8" }).stdout;
    const owner = found.split(":")[0];
    assert.ok(base.has(owner) || brought.has(owner), `${library} is of ${owner || "no package"}`);
  }
});

// A folder with nothing but the program and its libraries, as small as an image can be.
function bareFolder(t) {
  const folder = temporaryDirectory(t);
  chmodSync(folder, 0o755);
  const put = (file, to = file) => {
    mkdirSync(path.join(folder, path.dirname(to)), { recursive: true });
    copyFileSync(file, path.join(folder, to));
  };
  put(binary, "/usr/local/bin/livehub");
  execFileSync("strip", [path.join(folder, "/usr/local/bin/livehub")]);
  for (const library of librariesOf(binary)) put(library);
  for (const name of ["proc", "tmp"]) mkdirSync(path.join(folder, name), { recursive: true });
  return folder;
}

const isRoot = process.getuid() === 0;
const skipBare = skipLinks || (isRoot ? false : "chroot needs root");

test("in a bare folder, as nobody, it lives and drains", { skip: skipBare }, async (t) => {
  const folder = bareFolder(t);
  const inside = (args) => ["--userspec=65534:65534", folder, ...args];
  const ports = { PORT: "0", ADMIN_PORT: "auto" };
  const help = spawnSync("chroot", inside(["/usr/local/bin/livehub", "--help"]));
  assert.equal(help.status, 0, String(help.stderr));
  const env = toolEnvironment({ ...imageEnv, ...ports, PATH: "/usr/local/bin:/usr/sbin:/usr/bin" });
  const server = new Server("chroot", inside(["livehub", "serve"]), env);
  await server.untilListening();
  const probe = () =>
    spawnSync("chroot", inside(["livehub", "probe", "--quiet"]), {
      env: { ...env, PORT: String(server.port), ADMIN_PORT: String(server.adminPort) },
      encoding: "utf8",
    });
  const healthy = probe();
  assert.equal(healthy.status, 0, healthy.stderr);
  await server.stop();
  assert.equal(probe().status, 1);
  t.diagnostic(`${megabytes(folder)} MB of program and libraries (make image: the whole image)`);
});

function megabytes(folder) {
  const text = execFileSync("du", ["-s", "--apparent-size", "--block-size=1000000", folder]);
  return Number.parseInt(text, 10);
}

// What it says of the whole image can be measured where there is a Debian mirror: make image.
test("make image knows every instruction of the Dockerfile", () => {
  const python = `import sys; sys.path.insert(0, "tests/tools"); import image, pathlib
for word, rest in image.instructions(pathlib.Path("Dockerfile").read_text()): print(word, rest)`;
  const text = execFileSync("python3", ["-c", python], { cwd: root, encoding: "utf8" });
  const lines = text.trim().split("\n");
  assert.equal(lines.length, dockerfile.match(/^[A-Z]+ /gm).length);
  assert.equal(lines.filter((line) => line.startsWith("FROM ")).length, 2);
  const steps = read("tests/tools/image.py");
  for (const word of new Set(lines.map((line) => line.split(" ")[0])))
    assert.ok(steps.includes(`"${word}"`), `${word} is not known to tests/tools/image.py`);
  const said = read("docs/DEPLOY.md").replaceAll("\n", " ");
  const image =
    /The image is (\d+) MB unpacked: .*? is ([\d.]+) of them, .*? ([\d.]+), .*? (\d+\.\d)/;
  const [, whole, ...parts] = image.exec(said).map(Number);
  assert.ok(Math.abs(parts.reduce((a, b) => a + b) - whole) < 1, "its parts add up");
});

// As the container engines do it, but for the engine: no right, a root that cannot be written, and
// the system calls of the profile alone.
test("under the seccomp profile, without a right, it lives on io_uring", async (t) => {
  const profile = path.join(root, deploy("seccomp.json"));
  const apply = path.join(root, "tests/tools/under_seccomp.py");
  const under = (command) =>
    spawnSync("python3", [apply, profile, ...command], { env: toolEnvironment() });
  for (const [command, status] of [
    [["true"], 0],
    [["unshare", "-U", "true"], 1],
    [["unshare", "-n", "true"], 1],
    [["setarch", "-R", "true"], 1],
  ]) {
    assert.equal(under(command).status, status, command.join(" "));
  }
  // Another user could not read the program here; as nobody it ran in the bare folder.
  const without = isRoot ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
  for (const io of ["uring", "epoll"]) {
    const check = spawnSync(binary, ["check", "--json"], { encoding: "utf8" });
    if (io === "uring" && !/io_uring works/.test(check.stdout)) continue;
    const env = toolEnvironment({ ...imageEnv, PORT: "0", ADMIN_PORT: "auto", LIVEHUB_IO: io });
    const command = [apply, profile, ...without, binary, "serve", "--shards", "2"];
    const server = new Server("python3", command, env);
    await server.untilListening();
    const rights = readFileSync(`/proc/${server.child.pid}/status`, "utf8");
    assert.match(rights, /^CapEff:\t0+$/m);
    assert.match(rights, /^NoNewPrivs:\t1\nSeccomp:\t2$/m);
    const probed = under([binary, "probe", "--quiet", "--admin-port", String(server.adminPort)]);
    assert.equal(probed.status, 0, String(probed.stderr));
    const stream = await fetch(`http://127.0.0.1:${server.port}/api/live`);
    assert.equal(stream.status, 200);
    const pushed = await fetch(`http://127.0.0.1:${server.port}/api/live/push`, {
      method: "POST",
      body: '"filtered"',
    });
    assert.equal(pushed.status, 200);
    const reader = stream.body.getReader();
    let text = "";
    while (!text.includes('"filtered"')) text += Buffer.from((await reader.read()).value);
    await reader.cancel();
    await server.stop();
  }
});

test("the files of the platforms give up every right", () => {
  const compose = read(deploy("compose.yaml"));
  for (const line of [
    /^ {4}read_only: true$/m,
    /^ {4}cap_drop: \[ALL\]$/m,
    /no-new-privileges:true/,
    /seccomp:\.?\/?seccomp\.json|seccomp=seccomp\.json/,
  ]) {
    assert.match(compose, line);
  }
  const kubernetes = read(deploy("kubernetes.yaml"));
  for (const line of [
    /allowPrivilegeEscalation: false/,
    /readOnlyRootFilesystem: true/,
    /runAsNonRoot: true/,
    /capabilities: \{drop: \[ALL\]\}/,
    /seccompProfile: \{type: (RuntimeDefault|Localhost)/,
  ]) {
    assert.match(kubernetes, line);
  }
  assert.match(read("docs/DEPLOY.md"), /seccomp=docs\/examples\/deploy\/seccomp\.json/);
});

test("the platforms wait longer than the drain takes", async () => {
  for (const [name, drain, patience] of [
    [deploy("compose.yaml"), /DRAIN_SECONDS: "(\d+)"/, /stop_grace_period: (\d+)s/],
    [deploy("livehub.service"), /DRAIN_SECONDS=(\d+)/, /TimeoutStopSec=(\d+)/],
    [
      deploy("kubernetes.yaml"),
      /DRAIN_SECONDS, value: "(\d+)"/,
      /terminationGracePeriodSeconds: (\d+)/,
    ],
    ["fly.toml", /DRAIN_SECONDS = "(\d+)"/, /kill_timeout = (\d+)/],
    ["fly.live-data.toml", /DRAIN_SECONDS = "(\d+)"/, /kill_timeout = (\d+)/],
  ]) {
    const text = read(name);
    const args = ["--drain-seconds", String(number(text, drain))];
    const kill = ["--kill-timeout", String(number(text, patience))];
    const tool = await runTool(["check", "--json", ...args, ...kill]);
    const found = JSON.parse(tool.stdout).findings.find((one) => one.subject === "drain");
    assert.equal(found.level, "ok", `${name}: ${found.text}`);
  }
});

test("ports and paths in the files are answered by the program", async () => {
  const value = await config({});
  const clients = value("PORT");
  const admin = value("ADMIN_PORT");
  const compose = read(deploy("compose.yaml"));
  assert.ok(compose.includes(`"${clients}:${clients}"`) && compose.includes(`:${admin}:${admin}"`));
  const kubernetes = read(deploy("kubernetes.yaml"));
  assert.ok(kubernetes.includes(`{name: clients, containerPort: ${clients}}`));
  assert.ok(kubernetes.includes(`{name: admin, containerPort: ${admin}}`));
  for (const name of ["nginx.conf", "Caddyfile"]) {
    assert.ok(read(deploy(name)).includes(`127.0.0.1:${clients}`), name);
  }
  await withServer({}, async (server) => {
    for (const [, target] of kubernetes.matchAll(/httpGet: \{path: "?([^",]+)"?, port: admin\}/g)) {
      assert.equal((await fetch(server.adminUrl + target)).status, 200, target);
    }
    for (const name of ["fly.toml", "fly.live-data.toml"]) {
      const text = read(name);
      const [, check] = /\[\[http_service\.checks\]\][^[]*path = "([^"]+)"/.exec(text);
      assert.equal((await fetch(server.url + check)).status, 200, check);
      const [, metrics] = /\[\[metrics\]\][^[]*path = "([^"]+)"/.exec(text);
      assert.equal((await fetch(server.adminUrl + metrics)).status, 200, metrics);
    }
  });
});

test("every LIVEHUB setting in the files is one, and the settings file loads", async () => {
  const schema = JSON.parse((await runTool(["config", "--schema"])).stdout);
  const known = Object.values(schema.properties).map((one) => one["x-environment"]);
  for (const [name, pattern] of [
    [deploy("compose.yaml"), /^ {6}([A-Z][A-Z_]+): /gm],
    [deploy("livehub.service"), /^Environment=([A-Z_]+)=/gm],
    [deploy("kubernetes.yaml"), /name: ([A-Z][A-Z_]+)/g],
    ["fly.toml", /^ {2}([A-Z][A-Z_]+) = /gm],
    ["fly.live-data.toml", /^ {2}([A-Z][A-Z_]+) = /gm],
  ]) {
    const found = [...read(name).matchAll(pattern)].map((match) => match[1]);
    assert.ok(found.length > 0, name);
    for (const one of found) assert.ok(known.includes(one), `${one} in ${name}`);
  }
  const value = await config({}, ["--config", path.join(root, deploy("livehub.toml"))]);
  assert.equal(value("HISTORY_SECONDS"), "600");
  assert.match(read(deploy("kubernetes.yaml")), /enableServiceLinks: false/);
});

test("the proxies pass streams on and wait longer than the heartbeats", async () => {
  const value = await config({});
  const nginx = read(deploy("nginx.conf"));
  for (const line of [/proxy_buffering off;/, /gzip off;/, /proxy_http_version 1\.1;/]) {
    assert.match(nginx, line);
  }
  const waits = number(nginx, /proxy_read_timeout (\d+)h/) * 3600;
  assert.ok(waits > Number(value("HEARTBEAT_SECONDS")) && waits > Number(value("PING_SECONDS")));
  assert.match(read(deploy("Caddyfile")), /flush_interval -1/);
});

const skipUnit = existsSync("/usr/bin/systemd-analyze") ? false : "no systemd-analyze here";

test("systemd understands the unit", { skip: skipUnit }, (t) => {
  const unit = path.join(temporaryDirectory(t), "livehub.service");
  writeFileSync(unit, read(deploy("livehub.service")).replace("/usr/local/bin/livehub", binary));
  const result = spawnSync("systemd-analyze", ["verify", "--man=no", unit], { encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
});

test("make demo: the hub runs, the load goes in, and it ends with Ctrl-C", async () => {
  const env = toolEnvironment({ PORT: "0", ADMIN_PORT: "auto" });
  const demo = new Server(path.join(root, "tools/demo"), [binary], env);
  await demo.until((s) => /Ctrl-C ends it/.test(s.stdout) || s.exited, "its addresses");
  const [, port] = /curl -N http:\/\/localhost:(\d+)\/api\/live/.exec(demo.stdout);
  const tool = await runTool(["tail", `http://localhost:${port}`, "--count", "2", "--json"]);
  for (const line of tool.lines) assert.ok(JSON.parse(line).data.activeUsers > 0, line);
  assert.equal(tool.lines.length, 2, tool.output);
  demo.child.kill("SIGTERM");
  await demo.untilExit();
  await eventually(async () => {
    const gone = await fetch(`http://localhost:${port}/health`).catch(() => null);
    return gone === null;
  }, "the hub to end with it");
});
