// Profile `signals` with SIGNALS_JWT_SECRET: who reads must bring a token.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { KeySite, provider } from "./lib/identity_provider.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { refusedStart, temporaryDirectory } from "./lib/server.mjs";
import {
  addSignal,
  getJson,
  openStream,
  streamPath,
  untilSignals,
  withSignals,
} from "./lib/signals.mjs";

const secret = "a secret of the tests";
const now = () => Math.floor(Date.now() / 1000);

function token(claims, { key = secret, alg = "HS256" } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  const mac = createHmac("sha256", key).update(head).digest("base64url");
  return `${head}.${alg === "none" ? "" : mac}`;
}
const good = (sub) => token({ sub, exp: now() + 600 });
const bearer = (text) => ({ Authorization: `Bearer ${text}` });
const status = async (hub, path, headers = {}) =>
  (await exchange(hub, request("GET", path, headers))).status;
const env = { SIGNALS_JWT_SECRET: secret, SIGNALS_STREAMS_PER_USER: "3" };

test("without a good token signals are 401, and health pages are open", async () => {
  await withSignals(
    async ({ hub }) => {
      const bad = [
        "",
        "x",
        token({ sub: "u", exp: now() - 5 }),
        token({ sub: "u" }),
        token({ exp: now() + 600 }),
        token({ sub: "u", exp: now() + 600 }, { key: "another" }),
        token({ sub: "u", exp: now() + 600 }, { alg: "none" }),
      ];
      for (const path of [streamPath, "/v1/signals", "/v1/signals/latest"]) {
        for (const text of bad) {
          assert.equal(await status(hub, path, bearer(text)), 401);
          assert.equal(await status(hub, `${path}?token=${text}`), 401);
        }
        const answer = await exchange(hub, request("GET", path));
        assert.equal(answer.status, 401);
        assert.equal(answer.body, '{"detail":"Not authenticated"}');
        assert.equal(answer.get("access-control-allow-origin"), "*");
      }
      for (const path of ["/live", "/ready", "/health", "/v1/status/health", "/metrics"])
        assert.equal(await status(hub, path), 200, path);
      assert.ok(!bad.some((text) => text.length > 5 && hub.output.includes(text)));
    },
    { env },
  );
});

test("with one it reads by header and by query, so many streams at a time", async () => {
  await withSignals(
    async ({ redis, hub }) => {
      const { status: code } = await getJson(hub, "/v1/signals", { headers: bearer(good("u")) });
      assert.equal(code, 200);
      const clients = [];
      for (const n of range(3)) {
        const how = n
          ? { query: `?token=${good("u")}` }
          : { headers: bearer(good("u")) };
        clients.push(await openStream(hub, how));
      }
      assert.equal(await status(hub, `${streamPath}?token=${good("u")}`), 429);
      const other = await openStream(hub, { query: `?token=${good("somebody else")}` });
      await addSignal(redis, 1);
      for (const client of [...clients, other]) await untilSignals(client, 1);
      clients.pop().close();
      const again = await eventually(async () => {
        const client = await openStream(hub, { query: `?token=${good("u")}` }).catch(() => null);
        return client?.head.status === 200 && client;
      }, "a place that has become free");
      for (const client of [...clients, other, again]) client.close();
    },
    { env },
  );
});

test("tokens of an identity provider, its keys in a file or at an address", async (t) => {
  const known = provider("one");
  const file = path.join(temporaryDirectory(t), "keys.json");
  writeFileSync(file, known.keySet);
  const site = await KeySite.start(known);
  for (const location of [file, site.url]) {
    await withSignals(
      async ({ hub }) => {
        const ask = (text) => status(hub, "/v1/signals", bearer(text));
        await eventually(async () => (await ask(known.tokenOf("u"))) === 200, "the keys");
        assert.equal(await ask(provider("one").tokenOf("u")), 401);
        assert.equal(await ask(provider("two").tokenOf("u")), 401);
        assert.equal(await ask(good("u")), 401);
        const stream = await openStream(hub, { headers: bearer(known.tokenOf("u")) });
        stream.close();
      },
      { env: { SIGNALS_JWKS: location } },
    );
  }
  site.close();
});

test("wrong keys stop the start with a sentence", async () => {
  for (const [more, sentence] of [
    [{ SIGNALS_JWKS: "/nowhere/keys.json" }, /SIGNALS_JWKS: .*file cannot be read/],
    [{ SIGNALS_JWKS: "/x", SIGNALS_JWT_SECRET: "y" }, /are both set/],
  ]) {
    const settings = { REDIS_URL: "redis://127.0.0.1:9", ...more };
    const server = await refusedStart({ profile: "signals", env: settings });
    assert.match(server.stderr, sentence);
  }
});
