// What chat's page and its Fly file say, against the program.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ChatClient, withChat } from "./lib/chat.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { binary, root } from "./lib/server.mjs";

// Name -> default, as the program has them for this profile.
function settings() {
  const known = new Map();
  const schema = JSON.parse(execFileSync(binary, ["config", "--schema"], { encoding: "utf8" }));
  for (const property of Object.values(schema.properties))
    known.set(property["x-environment"], String(property.default ?? ""));
  const text = execFileSync(binary, ["profiles"], { encoding: "utf8" });
  const own = text.split(/\n\n/).find((part) => part.startsWith("chat:"));
  for (const [, name, value] of own.matchAll(/its own default: (\w+)=(\S+)/g))
    known.set(name, value);
  return { known, own };
}

test("the page has every setting of the profile, with its default", () => {
  const { known, own } = settings();
  const page = readFileSync(path.join(root, "docs/profiles/chat.md"), "utf8");
  const rows = [...page.matchAll(/^\| (`[A-Z_`, ]+`) \| ([^|]+) \|/gm)];
  assert.ok(rows.length >= 12);
  for (const [, names, values] of rows) {
    const each = [...names.matchAll(/[A-Z_]+/g)].map(([name]) => name);
    for (const [i, name] of each.entries()) {
      assert.ok(known.has(name), `the program has no ${name}`);
      const value = values.split(",")[i].trim().replaceAll("`", "");
      if (["must be set", "the system's"].includes(value)) assert.equal(known.get(name), "", name);
      else assert.equal(value, known.get(name), name);
    }
  }
  for (const [, name] of own.matchAll(/^ {2}([A-Z_]+) /gm))
    assert.ok(page.includes(`\`${name}\``), `the page does not name ${name}`);
});

test("the Fly file starts the profile, and its checks are answered", async () => {
  const toml = readFileSync(path.join(root, "fly/chat/fly.toml"), "utf8");
  const value = (name) => new RegExp(`^ *${name} = "?([^"\\n]+)"?$`, "m").exec(toml)[1];
  const { known } = settings();
  const section = toml.split("[env]")[1].split(/^\[/m)[0];
  const env = {};
  for (const [, name, text] of section.matchAll(/^ {2}(\w+) = "(.*)"$/gm)) {
    assert.ok(known.has(name), name);
    env[name] = text;
  }
  assert.equal(env.PORT, value("internal_port"));
  assert.ok(Number(value("kill_timeout")) >= Number(env.DRAIN_SECONDS) + 10);
  assert.equal(known.get("ADMIN_PORT"), /\[\[metrics\]\]\n {2}port = (\d+)/.exec(toml)[1]);
  const paths = [...toml.matchAll(/^ *path = "(.*)"$/gm)].map(([, text]) => text);
  assert.deepEqual(paths, ["/_livehub/ready?local=1", "/health", "/metrics"]);
  const { PORT, DRAIN_SECONDS, NEXT_API_URL, ...started } = env;
  assert.ok(PORT && DRAIN_SECONDS && NEXT_API_URL.startsWith("https://"));
  await withChat({ env: started, profile: null }, async ({ hub }) => {
    for (const target of paths.slice(0, 2))
      assert.equal((await exchange(hub, request("GET", target))).status, 200, target);
    assert.equal((await fetch(`${hub.adminUrl}/metrics`)).status, 200);
    (await ChatClient.join(hub, "room", "ann")).close();
  });
});
