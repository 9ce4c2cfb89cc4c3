// Profile pg-updates against a real PostgreSQL: its wire contract, clause by clause.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertEndedInTime } from "./lib/expiry.mjs";
import { eventually, sleep } from "./lib/patience.mjs";
import { Browser, health, origin, ready, secret, settingsFor } from "./lib/pg_updates.mjs";
import { startHub, token, user, withHub } from "./lib/pg_updates.mjs";
import { Pooler, Postgres } from "./lib/postgres.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { refusedStart, root } from "./lib/server.mjs";
import { WsWire, closePayload, opcode, upgradeRequest } from "./lib/websocket.mjs";

let postgres, server;
before(async () => {
  postgres = await Postgres.start();
  server = await startHub(postgres);
});
after(async () => {
  await server?.stop();
  await postgres?.end();
});

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const change = (row, operation = "UPDATE") =>
  JSON.stringify({ operation, data: row, timestamp: Date.now() });

test("auth_required comes first, then authenticated, then updates", async () => {
  const id = user(1);
  const browser = await Browser.open(server, id);
  assert.equal(browser.messages[0], '{"type":"auth_required"}');
  await postgres.notify(`user_subscription_${id}`, change({ id: "s", userId: id }, "INSERT"));
  await postgres.notify(`user_usage_${id}`, change({ id: "u" }, "DELETE"));
  const [first, second] = await browser.untilUpdates(2);
  const nearlyNow = Date.now() - Date.parse(first.data.timestamp);
  assert.match(first.data.timestamp, iso);
  assert.ok(Math.abs(nearlyNow) < 60_000, "the server's own clock");
  delete first.data.timestamp;
  assert.deepEqual(first, {
    type: "realtime_update",
    data: { table: "subscription", operation: "INSERT", data: { id: "s", userId: id } },
  });
  assert.equal(second.data.table, "usage");
  assert.equal(second.data.operation, "DELETE");
  assert.deepEqual(Object.keys(second.data), ["table", "operation", "data", "timestamp"]);
  browser.close();
});

test("a row's bytes pass unchanged", async () => {
  const id = user(2);
  const browser = await Browser.open(server, id);
  const row =
    '{ "b": 1.10, "a":1e2,"a":12345678901234567890, "s":"\\u00e9 é \\ud83d \\/",\t"n":null }';
  const payload = `{ "data" :${row} ,"x":[1,{"data":2}],"operation":"UPDATE"}`;
  await postgres.notify(`user_usage_${id}`, payload);
  await browser.untilUpdates(1);
  const text = browser.messages.at(-1);
  const begin = '{"type":"realtime_update","data":{"table":"usage","operation":"UPDATE","data":';
  assert.equal(text.slice(0, begin.length), begin);
  assert.equal(text.slice(begin.length, begin.length + row.length), row);
  browser.close();
});

test("both spellings of one change are one update; a true repeat is two", async () => {
  const id = user(3);
  const browser = await Browser.open(server, id);
  const row = { id: 1, n: 1 };
  await postgres.notify(`user_Usage_${id}`, change(row));
  await postgres.notify(`user_usage_${id}`, change(row));
  await postgres.notify(`user_usage_${id}`, change(row));
  await postgres.notify(`user_usage_${id}`, change(row));
  await postgres.notify(`user_Usage_${id}`, change({ id: 1, n: 2 }));
  await postgres.notify(`user_Subscription_${id}`, change({ end: true }));
  await browser.until((b) => b.updates.some((u) => u.data.data.end), "the last");
  const numbers = browser.updates.map((update) => update.data.data.n ?? "end");
  assert.deepEqual(numbers, [1, 1, 1, 2, "end"]);
  browser.close();
});

test("PG_CHANNEL_SPELLING listens to that spelling only", async () => {
  await withHub(postgres, { env: { PG_CHANNEL_SPELLING: "mixed" } }, async (mixed) => {
    const browser = await Browser.open(mixed, user(4));
    await postgres.notify(`user_usage_${user(4)}`, change({ n: 1 }));
    await postgres.notify(`user_Usage_${user(4)}`, change({ n: 2 }));
    await postgres.notify(`user_Usage_${user(4)}`, change({ n: 2 }));
    const updates = await browser.untilUpdates(2);
    assert.deepEqual(
      updates.map((u) => u.data.data.n),
      [2, 2],
    );
    browser.close();
  });
});

test("all sockets of a user get it, other users do not", async () => {
  const [one, two, other] = await Promise.all(
    [user(5), user(5), user(6)].map((id) => Browser.open(server, id)),
  );
  const waiting = await Browser.connect(server, user(5));
  await postgres.notify(`user_usage_${user(5)}`, change({ n: 1 }));
  await postgres.notify(`user_usage_${user(6)}`, change({ n: 2 }));
  await Promise.all([one, two, other].map((browser) => browser.untilUpdates(1)));
  assert.deepEqual([one, two, other].map((b) => b.updates.map((u) => u.data.data.n)), [
    [1],
    [1],
    [2],
  ]);
  assert.deepEqual(waiting.messages, ['{"type":"auth_required"}'], "not authenticated: nothing");
  one.close();
  await postgres.notify(`user_usage_${user(5)}`, change({ n: 3 }));
  await two.untilUpdates(2);
  for (const browser of [two, other, waiting]) browser.close();
});

test("ping is answered before and after authentication", async () => {
  const browser = await Browser.connect(server, user(7));
  browser.send({ type: "ping", timestamp: new Date().toISOString() });
  await browser.until((b) => b.frames.some((f) => f.type === "pong"), "a pong");
  await browser.authenticate();
  browser.send({ type: "ping" });
  await browser.until((b) => b.frames.filter((f) => f.type === "pong").length === 2, "another");
  for (const pong of browser.frames.filter((f) => f.type === "pong")) {
    assert.deepEqual(Object.keys(pong), ["type", "timestamp"]);
    assert.match(pong.timestamp, iso);
  }
  browser.close();
});

test("junk is passed over and the connection stays", async () => {
  const browser = await Browser.connect(server, user(8));
  for (const junk of ["", "{", "null", "[]", "7", '"auth"', '{"type":"what"}', '{"type":5}', "x"])
    browser.send(junk);
  browser.socket.send(Buffer.from([0xff, 0xfe]));
  await browser.authenticate();
  assert.equal(browser.messages.length, 2);
  browser.close();
});

test("a repeated auth answers authenticated again and doubles nothing", async () => {
  const id = user(9);
  const browser = await Browser.open(server, id);
  for (let i = 0; i < 3; ++i) browser.send({ type: "auth", token: token(id), userId: id });
  await browser.until((b) => b.messages.length === 5, "four answers");
  await postgres.notify(`user_usage_${id}`, change({ n: 1 }));
  await postgres.notify(`user_usage_${id}`, change({ n: 2 }));
  await browser.untilUpdates(2);
  assert.equal(browser.updates.length, 2);
  browser.send({ type: "auth", token: "nonsense", userId: id });
  assert.deepEqual(await browser.untilClosed(), { code: 1008, reason: "Invalid token" });
});

const second = () => Math.floor(Date.now() / 1000);
const id = user(10);
const refusals = {
  "no token": { token: undefined },
  "not a string": { token: 7 },
  "another secret": { token: token(id, {}, { key: "other" }) },
  "alg none": {
    token: `${token(id, {}, { alg: "none" }).split(".").slice(0, 2).join(".")}.`,
  },
  "a header that lies": { token: token(id, {}, { alg: "RS256" }) },
  expired: { token: token(id, { exp: second() - 1 }) },
  "not valid yet": { token: token(id, { nbf: second() + 60 }) },
  "another issuer": { token: token(id, { iss: "papr" }) },
  "another audience": { token: token(id, { aud: "papr-app" }) },
  "a token of another user's": { token: token(user(11)) },
  "a message of another user's": { token: token(id), userId: user(11) },
  "a token without a user": { token: token(id, { userId: undefined }) },
  "no user in the message": { token: token(id), userId: undefined },
};
for (const [name, message] of Object.entries(refusals)) {
  test(`refused: ${name}`, async () => {
    const browser = await Browser.connect(server, id);
    browser.send({ type: "auth", userId: id, ...message });
    assert.deepEqual(await browser.untilClosed(), { code: 1008, reason: "Invalid token" });
    assert.deepEqual(browser.messages, [
      '{"type":"auth_required"}',
      '{"type":"auth_error","error":"Invalid token"}',
    ]);
  });
}

test("the address must name the same user, and one that PostgreSQL can take", async () => {
  for (const address of [user(11), "", undefined, "x".repeat(46)]) {
    const browser = await Browser.connect(server, address);
    const claimed = address?.length > 40 ? address : id;
    browser.send({ type: "auth", token: token(claimed), userId: claimed });
    assert.equal((await browser.untilClosed()).code, 1008, address);
  }
  const odd = await Browser.open(server, `a"b;'\\ é`);
  await postgres.notify(`user_usage_a"b;'\\ é`, change({ n: 1 }));
  await odd.untilUpdates(1);
  odd.close();
});

test("HS384 and HS512 are taken, with or without a browser's subprotocol", async () => {
  for (const bits of ["384", "512"]) {
    const browser = await Browser.connect(server, id, { protocols: ["first", "second"] });
    assert.equal(browser.socket.protocol, "first");
    const text = token(id, {}, { alg: `HS${bits}`, hash: `sha${bits}` });
    browser.send({ type: "auth", token: text, userId: id });
    await browser.until((b) => b.messages.length === 2, "authenticated");
    assert.match(browser.messages[1], /authenticated/);
    browser.close();
  }
});

test("the origin is judged after the upgrade", async () => {
  for (const headers of [{}, { Origin: "https://evil.example" }, { Origin: `${origin}.evil` }]) {
    const browser = await Browser.connect(server, id, { headers });
    assert.deepEqual(await browser.untilClosed(), { code: 1008, reason: "Unauthorized origin" });
    assert.deepEqual(browser.messages, []);
  }
  const local = await Browser.open(server, id, { headers: { Origin: "http://localhost:3000" } });
  local.close();
  await withHub(postgres, { env: { ALLOWED_ORIGINS: "https://a.example,*" } }, async (open) => {
    const browser = await Browser.open(open, id, { headers: { Origin: "https://any.example" } });
    browser.close();
  });
});

test("an upgrade elsewhere is 400, other requests 404, health has five members", async () => {
  for (const path of ["/", "/ws/", "/ws/x", "/health", "/WS"]) {
    const wire = await Wire.connect(server);
    await wire.write(upgradeRequest(path, { Origin: origin }));
    const head = await wire.head();
    assert.equal(head.status, 400, path);
    wire.destroy();
  }
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/health?x"],
    ["GET", "/health/"],
    ["POST", "/health"],
    ["GET", "/ws"],
  ]) {
    const reply = await exchange(server, request(method, path));
    assert.equal(reply.status, 404, `${method} ${path}`);
    assert.equal(reply.body, "Not found");
    assert.equal(reply.get("content-type"), undefined);
  }
  const reply = await exchange(server, request("GET", "/health"));
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.all("content-type"), ["application/json"]);
  assert.equal(reply.get("access-control-allow-origin"), undefined);
  const body = JSON.parse(reply.body);
  assert.deepEqual(Object.keys(body), [
    ...["status", "timestamp", "uptime", "connectedUsers", "totalConnections"],
  ]);
  assert.equal(body.status, "healthy");
  assert.match(body.timestamp, iso);
  assert.equal(typeof body.uptime, "number");
});

test("health counts users and sockets that have authenticated", async () => {
  await withHub(postgres, {}, async (counted) => {
    const browsers = await Promise.all(
      [user(1), user(1), user(2)].map((each) => Browser.open(counted, each)),
    );
    const waiting = await Browser.connect(counted, user(3));
    const now = await health(counted);
    assert.deepEqual([now.connectedUsers, now.totalConnections], [2, 3]);
    browsers[0].close();
    browsers[2].close();
    await eventually(async () => {
      const later = await health(counted);
      return later.connectedUsers === 1 && later.totalConnections === 1;
    }, "one of each");
    for (const browser of [browsers[1], waiting]) browser.close();
  });
});

test("AUTH_TIMEOUT ends who never authenticates, ENFORCE_EXPIRY who does not renew", async (t) => {
  await withHub(postgres, { env: { AUTH_TIMEOUT: "1", ENFORCE_EXPIRY: "1" } }, async (strict) => {
    const silent = await Browser.connect(strict, id);
    const old = await Browser.connect(strict, id);
    const exp = second() + 3;
    old.send({ type: "auth", token: token(id, { exp }), userId: id });
    const renewed = await Browser.connect(strict, id);
    renewed.send({ type: "auth", token: token(id, { exp: second() + 3 }), userId: id });
    renewed.send({ type: "auth", token: token(id), userId: id });
    const timeout = { code: 1008, reason: "Authentication timeout" };
    assert.deepEqual(await silent.untilClosed(), timeout);
    assert.deepEqual(await old.untilClosed(), { code: 1008, reason: "Token expired" });
    assertEndedInTime(t, old, exp);
    assert.match(old.messages[1], /authenticated/);
    await sleep(1500);
    assert.equal(renewed.closed, null);
    renewed.close();
  });
});

test("SIGTERM closes with 1012, never 1000, newcomers too", async () => {
  const hub = await startHub(postgres, { env: { DRAIN_SECONDS: "5" } });
  const browser = await Browser.open(hub, user(1));
  // One that does not answer its close frame keeps the process up for a while.
  const silent = await WsWire.open(hub, { path: `/ws?userId=${id}`, headers: { Origin: origin } });
  const stopped = hub.stop();
  assert.equal((await browser.untilClosed()).code, 1012);
  assert.equal((await silent.closeFrame()).code, 1012);
  // A connection that has not said anything yet may be cut; then it is tried again.
  const late = await eventually(() => Browser.connect(hub, id), "a newcomer to be let in");
  assert.equal((await late.untilClosed()).code, 1012);
  silent.destroy();
  await stopped;
});

test("a client's own close is answered with its code", async () => {
  const wire = await WsWire.open(server, { path: `/ws?userId=${id}`, headers: { Origin: origin } });
  await wire.send(opcode.close, closePayload(1000, "Client disconnect"));
  assert.equal((await wire.closeFrame()).code, 1000);
  wire.destroy();
});

test("payloads that are not as promised are dropped and harm nobody", async () => {
  const browser = await Browser.open(server, user(12));
  const name = `user_usage_${user(12)}`;
  const parts = ['{"operation":"X"}', '{"data":{}}', '{"operation":1,"data":1}'];
  for (const bad of ["", "{", "null", "[]", ...parts]) await postgres.notify(name, bad);
  await postgres.notify(name, '{"operation":"UPDATE","data":{\n"n":1\r\n}}');
  const [only] = await browser.untilUpdates(1);
  assert.deepEqual(only.data.data, { n: 1 });
  assert.equal(browser.updates.length, 1);
  browser.close();
});

test("one database connection for many users, released when they leave", async () => {
  await withHub(postgres, {}, async (hub) => {
    const browsers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => Browser.open(hub, user(100 + i))),
    );
    const count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'livehub'";
    await eventually(async () => (await postgres.sql(count)) === "2", "ours and the shared one's");
    for (const browser of browsers) browser.close();
    await eventually(async () => (await health(hub)).connectedUsers === 0, "nobody");
    assert.equal((await ready(hub)).status, 200);
  });
});

test("a start that cannot work says why", async () => {
  const sentences = [
    [{ DATABASE_URL: "" }, /DATABASE_URL is not set/],
    [{ DATABASE_URL: "mysql://x:hush@y/z" }, /DATABASE_URL is not a PostgreSQL URL/],
    [{ DATABASE_URL: "postgres://u:hush@a-pooler.b.tech/d" }, /use the direct host a\.b\.tech/],
    [{ WEBSOCKET_JWT_SECRET: "" }, /WEBSOCKET_JWT_SECRET is not set/],
    [{ ALLOWED_ORIGINS: "https://a/b" }, /ALLOWED_ORIGINS/],
    [{ PG_CHANNEL_SPELLING: "up" }, /PG_CHANNEL_SPELLING/],
    [{ PG_OUTBOX: "1" }, /table livehub_outbox is not there/],
  ];
  for (const [env, sentence] of sentences) {
    const refused = await refusedStart(settingsFor(postgres, { env }));
    assert.equal(refused.exited.code, 1);
    assert.match(refused.stderr, sentence);
    assert.doesNotMatch(refused.stderr, /hush|pass.word/);
    assert.ok(!refused.stderr.includes(secret));
  }
});

test("a pooler in between stops the start and names the way out", async () => {
  const pooler = await Pooler.start(postgres);
  try {
    const env = { DATABASE_URL: postgres.url({ port: pooler.port }) };
    const refused = await refusedStart(settingsFor(postgres, { env }));
    assert.match(refused.stderr, /DATABASE_URL leads to a connection pooler.*direct host/);
  } finally {
    await pooler.end();
  }
});

test("the token endpoint of docs/profiles/pg-updates.md makes tokens that are taken", async () => {
  const page = readFileSync(path.join(root, "docs/profiles/pg-updates.md"), "utf8");
  const code = /## The token endpoint[^]*?```js\n([^]*?)```/.exec(page)[1];
  const endpoint = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  process.env.WEBSOCKET_JWT_SECRET = secret;
  const reply = await endpoint.tokenReply({ id, email: "a@b.example" }).json();
  assert.deepEqual(Object.keys(reply), ["token", "expiresIn", "userId"]);
  const browser = await Browser.connect(server, id);
  browser.send({ type: "auth", token: reply.token, userId: reply.userId });
  await browser.until((b) => b.messages.length === 2, "authenticated");
  assert.match(browser.messages[1], /authenticated/);
  browser.close();
});
