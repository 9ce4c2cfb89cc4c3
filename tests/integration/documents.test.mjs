// What the documents say is what the program does: tables, commands, options, snippets.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { logTable, marked, metricsTable, operating, settingsTable } from "../../tools/docs.mjs";
import { metricsText } from "./lib/metrics.mjs";
import { binary, root, startServer, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { runTool, toolEnvironment } from "./lib/tool.mjs";

const server = await startServer();
after(() => server.stop());

const read = (name) => readFileSync(path.join(root, name), "utf8");
const documents = ["README.md", "SECURITY.md"]
  .concat(readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`))
  .concat(
    existsSync(path.join(root, "docs/profiles"))
      ? readdirSync(path.join(root, "docs/profiles")).map((name) => `docs/profiles/${name}`)
      : [],
  )
  .filter((name) => name.endsWith(".md"));

function tableOf(name) {
  const found = marked(name).exec(readFileSync(operating, "utf8"));
  assert.ok(found, `docs/OPERATING.md has no marks for ${name}`);
  return found[2];
}
const rewrite = "write it anew with `make docs`";

test("the table of settings is the program's", () => {
  assert.equal(tableOf("settings"), settingsTable(binary), rewrite);
});

test("the table of metrics is what /metrics says", async () => {
  const text = await metricsText(server);
  const names = (table) => [...table.matchAll(/^\| `(livehub_\w+)` \|/gm)].map((one) => one[1]);
  assert.deepEqual(names(tableOf("metrics")), names(metricsTable(text)), rewrite);
  assert.ok(names(tableOf("metrics")).length > 20);
});

test("the table of log lines is the sources'", () => {
  assert.equal(tableOf("log"), logTable(), rewrite);
});

// Lines of shell in the documents that begin with the program's name.
function* commandLines() {
  for (const name of documents) {
    const text = read(name);
    for (const [, block] of text.matchAll(/```(?:sh)?\n([^]*?)```/g)) {
      for (const line of block.split("\n")) {
        const begin = "(?:^|[|&] ?|exec hub )(?:[A-Z_]+=\\S+ )*(?:build/)?";
        const found = new RegExp(`${begin}livehub( [^|#&>]*|$)`).exec(line);
        if (found) yield { name, line: found[1].trim() };
      }
    }
    for (const [, line] of text.matchAll(/`livehub ([^`]+)`/g)) yield { name, line: line.trim() };
  }
}

test("every command in the documents is one, with options that it has", async () => {
  const help = new Map();
  const helpOf = async (command) => {
    const args = command === "serve" ? ["--help"] : ["help", command];
    if (!help.has(command)) help.set(command, await runTool(args));
    return help.get(command);
  };
  const flags = (await helpOf("serve")).stdout;
  let checked = 0;
  for (const { name, line } of commandLines()) {
    const words = line.split(/\s+/).filter(Boolean);
    const command = words[0]?.startsWith("-") || !words[0] ? "serve" : words[0];
    if (command === "COMMAND") continue;
    const known = await helpOf(command);
    assert.equal(known.exited.code, 0, `${name}: livehub ${line}`);
    for (const word of words.filter((one) => one.startsWith("--"))) {
      const option = word.split("=")[0].replace(/[,.;:)]+$/, "");
      const has = [known.stdout, flags].some((text) => text.includes(`${option} `));
      assert.ok(has || option === "--version" || option === "--verbose", `${name}: ${line}`);
    }
    checked++;
  }
  assert.ok(checked > 20, `${checked} commands were found`);
});

const targets = new Set(
  [...read("Makefile").matchAll(/^([a-z][a-z-]*):/gm)].map((match) => match[1]),
);

test("every `make` target in the documents is one", () => {
  for (const name of documents) {
    for (const [, target] of read(name).matchAll(/(?:^|`)make ([a-z-]+)\b/gm)) {
      assert.ok(targets.has(target), `${name}: make ${target}`);
    }
  }
});

test("README and PROFILES name every profile, and no other", async () => {
  const profiles = JSON.parse((await runTool(["profiles", "--json"])).stdout);
  const names = profiles.map((profile) => profile.name).sort();
  for (const document of ["README.md", "docs/PROFILES.md"]) {
    const text = read(document).split("# Profile `live-data`")[0];
    const listed = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
    assert.deepEqual([...new Set(listed)].sort(), names, document);
  }
});

// Whoever moves to livehub asks four things.
test("the page of each profile has its settings, differences, way back and cost", () => {
  const pages = readdirSync(path.join(root, "docs/profiles"))
    .filter((name) => name !== "several-machines.md")
    .map((name) => `docs/profiles/${name}`);
  assert.equal(pages.length, 4);
  for (const page of ["docs/PROFILES.md", ...pages]) {
    const text = read(page);
    assert.match(text, /^## Settings$|^Settings: /m, page);
    assert.match(text, /^## (Differences|What is different)/m, page);
    assert.match(text, /^(\*\*Back again\*\*|\*\*Rollback\*\*|Back:)/m, page);
    assert.match(text, /^## Cost$/m, page);
  }
});

test("links within the documents lead somewhere", () => {
  const anchorsOf = (text) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-"),
    );
  let checked = 0;
  for (const name of documents) {
    for (const [, target] of read(name).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split("#");
      const there = file ? path.join(path.dirname(name), file) : name;
      assert.ok(existsSync(path.join(root, there)), `${name}: ${target}`);
      if (anchor) assert.ok(anchorsOf(read(there)).includes(anchor), `${name}: ${target}`);
      checked++;
    }
  }
  assert.ok(checked > 30, `${checked} links`);
});

test("every setting that the documents name is one", async () => {
  const schema = JSON.parse((await runTool(["config", "--schema"])).stdout);
  const known = new Set(Object.values(schema.properties).map((one) => one["x-environment"]));
  const ours = ["README.md", "SECURITY.md", "docs/DEPLOY.md", "docs/OPERATING.md"];
  const others = new Set(["LIVEHUB_CONFIG", "LIVEHUB_PORT", "LIVEHUB_BIN", "NAME_FILE"]);
  for (const name of documents) {
    const text = read(name).replace(/<!-- log -->[^]*?<!-- end -->/, "");
    for (const [, word] of text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b[^`]*`/g)) {
      const mustBe = ours.includes(name) || /^LIVE/.test(word);
      if (mustBe) assert.ok(known.has(word) || others.has(word), `${name}: ${word}`);
    }
  }
});

// Lines of the README, as a shell runs them, on the ports of this test.
const here = (line) =>
  line
    .replaceAll("localhost:8787", `127.0.0.1:${server.port}`)
    .replaceAll("build/livehub", binary);

test("the pushes of the README reach whoever listens", async () => {
  const client = await SseClient.open(server);
  const [curl] = /^curl -d .*$/m.exec(read("README.md"));
  execFileSync("sh", ["-c", `${here(curl)} -sS`], { env: toolEnvironment() });
  await client.untilMessage('{"type":"deploy","message":"Version 2 is out"}');
  const [loop] = /^while sleep 1; do .*$/m.exec(read("README.md"));
  const shell = spawn("sh", ["-c", here(loop)], { env: toolEnvironment(), detached: true });
  try {
    await client.untilMessages(3);
  } finally {
    process.kill(-shell.pid); // the loop and what it feeds
  }
  for (const data of client.messages.slice(1)) assert.match(data, /^\{"mine":\d+\}$/);
  client.close();
});

test("make demo says what the README says", () => {
  const demo = read("tools/demo");
  const [loop] = /^while sleep 1; do .*$/m.exec(read("README.md"));
  const said = loop.replace("build/livehub", "$livehub").replace("8787", "$port");
  assert.ok(demo.includes(said), said);
  for (const place of ["PORT:-8787", "ADMIN_PORT:-9091", "localhost:$admin/#live"])
    assert.ok(demo.includes(place), place);
});

test("the signed push of docs/PROFILES.md is accepted", async () => {
  const [, script] = /```sh\n(body=[^]*?)```/.exec(read("docs/PROFILES.md"));
  const env = { LIVE_PUSH_HMAC_SECRET: "from the documents" };
  await withServer({ env }, async (strict) => {
    const command = script.replace("localhost:8787", `127.0.0.1:${strict.port}`);
    const answer = execFileSync("sh", ["-c", command], {
      env: toolEnvironment(env),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    assert.equal(answer, '{"ok":true}');
  });
});

// What a row of promises names, left to right: `make target`, a path, a bare name (of a file of
// tests/integration) and "a test" of the file before it. Says what of it does not exist.
function missingOf(row) {
  const missing = [];
  let named = 0;
  let text = "";
  for (const [, code, title] of row.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    named++;
    if (title) {
      if (!text.includes(title)) missing.push(`test "${title}"`);
      continue;
    }
    const target = /^make ([a-z-]+)$/.exec(code)?.[1];
    const file = code.includes("/") ? code : `tests/integration/${code}.test.mjs`;
    const isThere = target ? targets.has(target) : existsSync(path.join(root, file));
    if (!isThere) missing.push(target ? code : file);
    text = isThere && !target && /\.\w+$/.test(file) ? read(file) : "";
  }
  return named > 0 ? missing : ["name of a test"];
}

test("a promise's row is read as it is meant", () => {
  const file = "`tests/integration/documents.test.mjs`";
  for (const row of [file, "`documents`, `make soak`", `${file} "a promise's row is read as"`])
    assert.deepEqual(missingOf(row), [], row);
  for (const [row, missing] of [
    ["`documents`, `broker_cat`", "tests/integration/broker_cat.test.mjs"],
    ["`documents`; many: `make soap`", "make soap"],
    ['`tests/integration/idle.test.mjs` "no such name"', 'test "no such name"'],
    ['`make soak` "a title of no file"', 'test "a title of no file"'],
    ["by hand", "name of a test"],
  ])
    assert.deepEqual(missingOf(row), [missing], row);
});

test("every promise of docs/OPERATING.md has its tests", () => {
  const [, section] = /## Promises and their tests\n([^]*?)\n## /.exec(read("docs/OPERATING.md"));
  const rows = [...section.matchAll(/^\| ([^*|][^|]*) \| (.*) \|$/gm)].slice(1);
  assert.ok(rows.length > 40, `${rows.length} promises`);
  for (const [, promise, tests] of rows) assert.deepEqual(missingOf(tests), [], promise);
});

// Sums of the parts that the section names.
test("the sizes of docs/OPERATING.md are what their parts add up to", () => {
  const [, section] = /## Sizing\n([^]*?)\n## /.exec(read("docs/OPERATING.md"));
  const number = (pattern) => Number(pattern.exec(section)[1].replaceAll(",", ""));
  const clientBytes = number(/takes ([\d.]+) KB: /) * 1000;
  const systemMegabytes = number(/memory (\d+) MB go off/);
  const deliverySeconds = number(/takes ([\d.]+) us of CPU/) / 1e6;
  assert.match(read("docs/BENCHMARKS.md"), /\| uring \| 0\.\d+ \| .* \| 4\.57 us \|/);
  let rows = 0;
  const row = /^\| (\d+) MB, (\d+) (shared )?CPUs? \| ([\d,]+) \| ([\d,]+) \|$/gm;
  for (const [line, megabytes, cpus, shared, clients, deliveries] of section.matchAll(row)) {
    const room = ((megabytes - systemMegabytes) * 1e6) / 2 / clientBytes;
    const cpu = cpus * (shared ? 1 / 16 : 1) * 0.7;
    for (const [said, sum] of [[clients, room], [deliveries, cpu / deliverySeconds]]) {
      const value = Number(said.replaceAll(",", ""));
      assert.ok(value <= sum * 1.02 && value > sum * 0.9, `${line}: ${sum}`);
    }
    rows++;
  }
  assert.equal(rows, 4);
});

test("the exit codes of docs/OPERATING.md are those of the sources", () => {
  const constants = ["src/tool/command.h", "src/server/command_line.h", "src/base/out_of_memory.h"]
    .flatMap((name) => [...read(name).matchAll(/constexpr int kExit\w+ = (\d+);/g)])
    .map((match) => Number(match[1]));
  const [, table] = /## Exit codes\n([^]*?)\n## /.exec(read("docs/OPERATING.md"));
  const listed = [...table.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  assert.deepEqual(listed, [...new Set(constants)].sort((a, b) => a - b));
});

test("the close codes of docs/OPERATING.md are those that the sources send", () => {
  const text = read("docs/OPERATING.md");
  const listed = /## Close codes and endings\n\n([^]*?)\n\n/.exec(text)[1];
  for (const code of ["1001", "1002", "1007", "1008", "1009", "1012", "1013"]) {
    assert.ok(listed.includes(code), code);
  }
});

test("the runner of these tests says how it is used, as docs/HACKING.md has it", () => {
  const runner = path.join(root, "tests/integration/run.mjs");
  assert.match(read("docs/HACKING.md"), /run\.mjs --help/);
  const output = execFileSync(process.execPath, [runner, "--help"], { encoding: "utf8" });
  for (const option of ["--io", "--shards", "--full", "--jobs"]) assert.ok(output.includes(option));
  const nonsense = () => execFileSync(process.execPath, [runner, "--nonsense"], { stdio: "pipe" });
  assert.throws(nonsense, { status: 2 });
});
