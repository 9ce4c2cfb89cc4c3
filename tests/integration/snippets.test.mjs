// What the documents tell people to type and to read, where documents.test.mjs only looks at names:
// files that are put in place, containers, deploys, answers of the admin port.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { eventually, patienceMs } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { binary, root, temporaryDirectory, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { runTool, toolEnvironment } from "./lib/tool.mjs";

const read = (name) => readFileSync(path.join(root, name), "utf8");
const block = (document, heading, language) => {
  const section = read(document).split(`\n${heading}\n`)[1];
  assert.ok(section, `${document} has no ${heading}`);
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section)[1];
};
// Documents with deploys of hubs that have no broker.
const markdown = ["README.md", ...["docs", "docs/profiles"].flatMap((directory) =>
  readdirSync(path.join(root, directory))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${directory}/${name}`))];

test("the steps for systemd put everything where the unit looks for it", async (t) => {
  const top = temporaryDirectory(t);
  for (const place of ["usr/local/bin", "etc/systemd/system"])
    mkdirSync(path.join(top, place), { recursive: true });
  const steps = block("docs/DEPLOY.md", "## Linux with systemd", "sh")
    .split("\n")
    .filter((line) => line && !/^make build$|systemctl/.test(line))
    .map((line) => line.replace(/sudo /g, "").replace("build/livehub", binary))
    .map((line) => line.replace(/ (\/(?:etc|usr))/g, ` ${top}$1`))
    .map((line) => line.replace(/^livehub /, `${binary} `));
  assert.equal(steps.length, 6);
  for (const step of steps) {
    const result = spawnSync("sh", ["-c", step], { cwd: root, env: toolEnvironment() });
    assert.equal(result.status, 0, `${step}\n${result.stdout}${result.stderr}`);
  }
  const mode = (name) => statSync(path.join(top, name)).mode & 0o777;
  assert.equal(mode("etc/livehub"), 0o700);
  assert.equal(mode("etc/livehub/push_token"), 0o600);
  const unit = readFileSync(path.join(top, "etc/systemd/system/livehub.service"), "utf8");
  for (const [, place] of unit.matchAll(/^(?:ExecStart=|LoadCredential=push_token:)(\S+)/gm))
    assert.ok(existsSync(top + place), place);
  assert.ok(existsSync(top + /--config (\S+)/.exec(unit)[1]));
});

test("the docker commands name settings, ports, files and a version that there are", async () => {
  const schema = JSON.parse((await runTool(["config", "--schema"])).stdout);
  const settings = new Set(Object.values(schema.properties).map((one) => one["x-environment"]));
  const version = (await runTool(["--version"])).stdout.trim().split(" ")[1];
  const exposed = /^EXPOSE (.*)$/m.exec(read("Dockerfile"))[1].split(" ");
  const lines = read("docs/DEPLOY.md").replaceAll("\\\n", "").match(/^docker .*$/gm);
  assert.ok(lines.length >= 7, lines.join("\n"));
  for (const line of lines) {
    for (const [, name] of line.matchAll(/ -e ([A-Z_]+)/g)) assert.ok(settings.has(name), line);
    for (const [, port] of line.matchAll(/ -p \S*?(\d+)(?= )/g))
      assert.ok(exposed.includes(port), line);
    for (const [, file] of line.matchAll(/seccomp=(\S+)/g))
      assert.ok(existsSync(path.join(root, file)), line);
    for (const [, tag] of line.matchAll(/livehub:(\S+)/g)) assert.equal(tag, version, line);
  }
});

// To a container the browser is somebody from elsewhere: it gets the form, and what the form gives
// opens the page.
test("the look with Docker: the page opens with the token, and knows the hub", async () => {
  const line = /^docker run .* -e ADMIN_HOST=(\S+) -e ADMIN_TOKEN="([^"]+)"/m.exec(
    block("docs/DEPLOY.md", "### A look at it with Docker", "sh").replaceAll("\\\n", ""));
  const env = { ADMIN_HOST: line[1], ADMIN_TOKEN: line[2] };
  await withServer({ env }, async (server) => {
    const place = `http://localhost:${server.adminPort}`;
    // As from the bridge of an engine: the peer is no loopback.
    const headers = { "x-forwarded-for": "172.17.0.1", origin: place };
    const ask = (where, how = {}) =>
      fetch(place + where, { redirect: "manual", ...how, headers: { ...headers, ...how.headers } });
    assert.equal((await ask("/")).headers.get("location"), "/login");
    const body = new URLSearchParams({ token: env.ADMIN_TOKEN });
    const login = await ask("/login", { method: "POST", body });
    const cookie = login.headers.get("set-cookie").split(";")[0];
    const page = await (await ask("/page.json", { headers: { cookie } })).json();
    assert.equal(page.hub, `http://localhost:${server.port}`);
  });
});

test("every deploy of a hub without a broker says --ha=false", () => {
  let deploys = 0;
  for (const name of markdown)
    for (const [command] of read(name).matchAll(/fly deploy [^`\n#]*--[^`\n#]*/g)) {
      const own = /--config (fly\/\S+)/.exec(command)?.[1];
      const hasBroker = own && /fly\/(sse|signals|pg-updates|chat)\//.test(own);
      assert.ok(hasBroker || command.includes("--ha=false"), `${name}: ${command}`);
      if (own) assert.ok(existsSync(path.join(root, own)), command);
      deploys++;
    }
  assert.ok(deploys >= 6, `${deploys} deploys`);
});

// The names of an object's members, and of those within, of lists by their first.
function shape(value) {
  if (Array.isArray(value)) return value.length > 0 ? [shape(value[0])] : [];
  if (value === null || typeof value !== "object") return typeof value;
  const names = Object.keys(value).filter((name) => name !== "…");
  return Object.fromEntries(names.sort().map((name) => [name, shape(value[name])]));
}

test("the answers of docs/ADMIN_API.md are those of the admin port", async () => {
  const documented = read("docs/ADMIN_API.md")
    .split("\n## ")
    .map((section) => /^`GET ([^`?]+)[^]*?```json\n([^]*?)```/.exec(section))
    .filter(Boolean);
  assert.deepEqual(documented.map(([, where]) => where),
    ["/debug/overview", "/debug/connections", "/debug/channels", "/debug/ended"]);
  await withServer({}, async (server) => {
    const client = await SseClient.open(server);
    (await SseClient.open(server)).close();
    for (const [, where, example] of documented) {
      // Links there are none here, and of these two the document has words.
      const compared = ({ links, totals, ended, ...rest }) =>
        shape(where === "/debug/ended" ? { ended, ...rest } : rest);
      const answer = await eventually(async () => {
        await push(server, { a: 1 });
        const now = await (await fetch(server.adminUrl + where)).json();
        const list = now.busiest ?? now.connections ?? now.channels ?? now.ended;
        return (list.length ?? 1) > 0 && now;
      }, where);
      assert.deepEqual(compared(answer), compared(JSON.parse(example)), where);
    }
    client.close();
  });
});

describe("in Chromium", { skip: haveChromium ? false : "no Chromium here" }, () => {
  test("the line for a browser's console, in the README, listens", async () => {
    const [, script] = /```js\n(.*)\n```/.exec(read("README.md"));
    const browser = await Browser.start();
    await withServer({}, async (server) => {
      const tab = await browser.open();
      const said = [];
      tab.on("console", (message) => said.push(message.text()));
      await tab.evaluate(script.replace("localhost:8787", `localhost:${server.port}`));
      await eventually(async () => {
        await push(server, "seen");
        return said.includes("seen");
      }, "the message in the console", { timeoutMs: 3 * patienceMs });
    });
    await browser.close();
  });
});

test("make lists its targets, and each says what it does", () => {
  const how = { cwd: root, encoding: "utf8" };
  const text = execFileSync("make", ["--no-print-directory", "help"], how);
  for (const target of ["build", "run", "demo", "test", "image"])
    assert.match(text, new RegExp(`^  make ${target} +\\S`, "m"));
});
