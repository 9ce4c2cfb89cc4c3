// What the tests of profile `signals` share: a hub on a Redis of its own, entries in the shapes
// that the site's publishers write, and what the site's client insists on.
import assert from "node:assert/strict";
import { Redis } from "./redis.mjs";
import { startServer, untilReady, withServers } from "./server.mjs";
import { SseClient } from "./sse.mjs";

export const streamPath = "/v1/signals/stream";

export function startSignals(redis, env = {}) {
  return startServer({ profile: "signals", env: { REDIS_URL: redis.url, ...env } });
}

export async function withSignals(body, { env = {}, redis: options, hubs: count = 1 } = {}) {
  const redis = await Redis.start(options);
  const start = () => startSignals(redis, env);
  try {
    await withServers(count, start, async (hubs) => {
      for (const hub of hubs) await untilReady(hub);
      await body({ redis, hub: hubs[0], hubs });
    });
  } finally {
    redis.remove();
  }
}

export const signal = (n, more = {}) => ({
  id: `continuous-${n}`,
  ts: 1763034564506 + n,
  pair: "BTC/USD",
  side: "buy",
  entry: 44943.25,
  sl: 43932.03,
  tp: 46291.55,
  strategy: "continuous_publisher",
  confidence: 0.82,
  mode: "paper",
  ...more,
});

// The four shapes of section 4.3.
export const shapes = [
  (value) => ["json", JSON.stringify(value)],
  (value) => Object.entries(value).flatMap(([name, each]) => [name, String(each)]),
  (value) => {
    const { id, ts, entry, sl, tp, side, ...rest } = value;
    const named = {
      signal_id: id,
      timestamp: new Date(ts).toISOString(),
      side: side === "buy" ? "LONG" : "SHORT",
      entry_price: entry,
      stop_loss: sl,
      take_profit: tp,
      exchange: "kraken",
      ...rest,
    };
    return Object.entries(named).flatMap(([name, each]) => [name, String(each)]);
  },
  (value) => ["json", JSON.stringify(value), "id", "legacy", "ts", "1", "side", "SHORT"],
];

export const add = (redis, stream, fields, ...more) =>
  redis.command("XADD", stream, ...more, "*", ...fields);
export const addSignal = (redis, n, more) =>
  add(redis, "signals:paper", shapes[0](signal(n, more)));

// What the client's schema takes; anything else fails its whole call.
export function assertSignal(value, mode = "paper") {
  assert.ok(typeof value.id === "string" && value.id);
  assert.ok(Number.isInteger(value.ts) && value.ts > 0);
  assert.equal(typeof value.pair, "string");
  assert.ok(["buy", "sell"].includes(value.side));
  assert.ok(typeof value.entry === "number" && value.entry > 0);
  for (const name of ["sl", "tp"]) {
    if (name in value) assert.ok(typeof value[name] === "number" && value[name] > 0);
  }
  assert.ok(typeof value.strategy === "string" && value.strategy);
  assert.ok(typeof value.confidence === "number");
  assert.ok(value.confidence >= 0 && value.confidence <= 1);
  assert.equal(value.mode, mode);
}

// A stream that has told `connected`.
export async function openStream(hub, { query = "", headers = {}, path = streamPath } = {}) {
  const client = await SseClient.open(hub, { path: path + query, headers });
  await client.until((c) => c.blocks.length > 0, "connected");
  return client;
}

export const eventsOf = (client, name) => client.blocks.filter((block) => block.event === name);
export const signalsOf = (client) =>
  eventsOf(client, "signal").map((block) => JSON.parse(block.data));

export async function untilSignals(client, count) {
  await client.until((c) => signalsOf(c).length >= count || c.ended || c.cut, `${count} signals`);
  assert.ok(!client.ended && !client.cut, "the stream goes on");
  return signalsOf(client);
}

export async function getJson(hub, path, options) {
  const response = await fetch(hub.url + path, options);
  return { status: response.status, headers: response.headers, body: await response.json() };
}
