// SIGHUP in the profiles with brokers: secrets and origins change for who comes from then on, who
// is connected stays, and what cannot change is said.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Backend, ChatClient, seconds, sign } from "./lib/chat.mjs";
import { NatsServer } from "./lib/nats.mjs";
import { eventually } from "./lib/patience.mjs";
import { Browser, origin, token, user } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { Redis } from "./lib/redis.mjs";
import { startServer, temporaryDirectory } from "./lib/server.mjs";
import { openStream } from "./lib/signals.mjs";

// A server whose changing settings stand in a file; `change` writes another and reloads.
async function startWith(t, profile, file, env) {
  const config = path.join(temporaryDirectory(t), "hub.toml");
  const write = (settings) =>
    writeFileSync(
      config,
      Object.entries(settings)
        .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
        .join(""),
    );
  write(file);
  const hub = await startServer({ profile, env, args: ["--config", config] });
  await eventually(async () => (await fetch(`${hub.adminUrl}/ready`)).status === 200, "readiness");
  const change = async (settings, said) => {
    write(settings);
    hub.child.kill("SIGHUP");
    await hub.until((s) => said.test(s.stderr), `the log to say ${said}`);
  };
  return { hub, change };
}

test("chat: both secrets, and nobody is dropped", async (t) => {
  const redis = await Redis.start();
  const backend = await Backend.start();
  const before = { jwt_secret: "0ld-jwt", internal_api_secret: "0ld-api" };
  const env = { REDIS_URL: redis.url, NEXT_API_URL: backend.url };
  const { hub, change } = await startWith(t, "chat", before, env);
  const claims = (userId) => ({ chatId: "room", userId, iat: seconds(), exp: seconds() + 600 });
  const as = (userId, secret) => sign(claims(userId), { secret });
  const ann = await ChatClient.join(hub, "room", "ann", { token: as("ann", "0ld-jwt") });
  await change({ jwt_secret: "", internal_api_secret: "n3w-api" }, /JWT_SECRET.*Nothing was/);
  await change(
    { jwt_secret: "n3w-jwt", internal_api_secret: "n3w-api" },
    /reload: changed JWT_SECRET, INTERNAL_API_SECRET/,
  );
  const refused = await ChatClient.connect(hub, as("bob", "0ld-jwt"));
  assert.deepEqual(await refused.untilClosed(), { code: 4002, reason: "Invalid token" });
  const bob = await ChatClient.join(hub, "room", "bob", { token: as("bob", "n3w-jwt") });
  ann.message("still here");
  await bob.untilType("message");
  assert.equal(backend.requests.at(-1).headers["x-internal-secret"], "n3w-api");
  assert.equal(ann.closed, null);
  assert.doesNotMatch(hub.output, /0ld-|n3w-/);
  [ann, bob].forEach((client) => client.close());
  await hub.stop();
});

test("pg-updates: secret and origins, and nobody is dropped", async (t) => {
  const postgres = await Postgres.start();
  try {
    const before = { websocket_jwt_secret: "a secret of the web app's", allowed_origins: origin };
    const env = { DATABASE_URL: postgres.url() };
    const { hub, change } = await startWith(t, "pg-updates", before, env);
    const browser = await Browser.open(hub, user(1));
    const elsewhere = "https://b.example";
    await change(
      { websocket_jwt_secret: "n3w", allowed_origins: elsewhere, pg_outbox: true },
      /reload: a restart is needed for PG_OUTBOX/,
    );
    await hub.until(
      (s) => /reload: changed WEBSOCKET_JWT_SECRET, ALLOWED_ORIGINS/.test(s.stderr),
      "what was changed",
    );
    const unlisted = await Browser.connect(hub, user(2));
    assert.equal((await unlisted.untilClosed()).reason, "Unauthorized origin");
    const authenticate = async (key) => {
      const other = await Browser.connect(hub, user(2), { headers: { Origin: elsewhere } });
      await other.untilMessages(1);
      other.send({ type: "auth", token: token(user(2), {}, { key }), userId: user(2) });
      await other.untilMessages(2);
      other.close();
      return other.frames[1].type;
    };
    assert.equal(await authenticate("a secret of the web app's"), "auth_error");
    assert.equal(await authenticate("n3w"), "authenticated");
    const change1 = JSON.stringify({ operation: "UPDATE", data: { n: 1 } });
    await postgres.notify(`user_usage_${user(1)}`, change1);
    await browser.untilUpdates(1);
    browser.close();
    await hub.stop();
  } finally {
    await postgres.end();
  }
});

test("signals: secret and origins; whether tokens are asked for takes a restart", async (t) => {
  const redis = await Redis.start();
  const before = { signals_jwt_secret: "0ld", cors_allow_origins: "https://a.example" };
  const { hub, change } = await startWith(t, "signals", before, { REDIS_URL: redis.url });
  const bearer = (secret) => ({
    Authorization: `Bearer ${sign({ sub: "u", exp: seconds() + 600 }, { secret })}`,
    Origin: "https://b.example",
  });
  const ask = (secret) => exchange(hub, request("GET", "/v1/signals", bearer(secret)));
  const stream = await openStream(hub, { headers: bearer("0ld") });
  assert.equal((await ask("0ld")).get("access-control-allow-origin"), undefined);
  await change({ cors_allow_origins: "https://b.example" }, /begin or to end asking.*Nothing was/);
  assert.equal((await ask("0ld")).get("access-control-allow-origin"), undefined);
  await change(
    { signals_jwt_secret: "n3w", cors_allow_origins: "https://b.example" },
    /reload: changed CORS_ALLOW_ORIGINS, SIGNALS_JWT_SECRET/,
  );
  assert.equal((await ask("0ld")).status, 401);
  const answer = await ask("n3w");
  assert.equal(answer.status, 200);
  assert.equal(answer.get("access-control-allow-origin"), "https://b.example");
  assert.ok(!stream.ended && !stream.cut);
  stream.close();
  await hub.stop();
});

test("drop: origins, and a star is refused", async (t) => {
  const nats = await NatsServer.start();
  const before = { cors_origins: "https://a.example" };
  const { hub, change } = await startWith(t, "drop", before, { NATS_URL: nats.url });
  const allowed = async (page) =>
    (await exchange(hub, request("GET", "/health", { Origin: page }))).get(
      "access-control-allow-origin",
    );
  assert.equal(await allowed("https://b.example"), undefined);
  await change({ cors_origins: "*" }, /CORS_ORIGINS cannot be .*Nothing was changed/);
  assert.equal(await allowed("https://a.example"), "https://a.example");
  await change({ cors_origins: "https://b.example" }, /reload: changed CORS_ORIGINS/);
  assert.equal(await allowed("https://b.example"), "https://b.example");
  assert.equal(await allowed("https://a.example"), undefined);
  await hub.stop();
  nats.close();
});
