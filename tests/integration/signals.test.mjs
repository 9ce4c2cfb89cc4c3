// Profile `signals` (contract: the signals API): streams, history, health pages, CORS.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { EventSource } from "eventsource";
import { eventually, range } from "./lib/patience.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { Redis } from "./lib/redis.mjs";
import { refusedStart, untilReady } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import {
  add,
  addSignal,
  assertSignal,
  eventsOf,
  getJson,
  openStream,
  shapes,
  signal,
  signalsOf,
  startSignals,
  streamPath,
  untilSignals,
  withSignals,
} from "./lib/signals.mjs";

const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const redis = await Redis.start();
const hub = await startSignals(redis);
await untilReady(hub);
after(async () => {
  await hub.stop();
  redis.remove();
});

test("the stream's head and first frame are the contract's", async () => {
  for (const [query, stream] of [
    ["", "signals:paper"],
    ["?mode=paper", "signals:paper"],
    ["?mode=live", "signals:live"],
  ]) {
    const client = await openStream(hub, { query });
    assert.equal(client.head.status, 200);
    for (const [name, value] of [
      ["content-type", "text/event-stream"],
      ["cache-control", "no-cache"],
      ["connection", "keep-alive"],
      ["x-accel-buffering", "no"],
      ["access-control-allow-origin", "*"],
    ]) {
      assert.deepEqual(client.head.all(name), [value], name);
    }
    assert.equal(client.head.get("content-encoding"), undefined);
    const [first] = client.blocks;
    assert.equal(first.event, "connected");
    assert.match(first.id, /^\d+-\d+$/);
    const { connection_id: id, ...rest } = JSON.parse(first.data);
    assert.deepEqual(rest, { status: "connected", stream });
    assert.match(id, uuid4);
    client.close();
  }
  const two = [await openStream(hub), await openStream(hub)];
  const ids = two.map((client) => JSON.parse(client.blocks[0].data).connection_id);
  assert.notEqual(ids[0], ids[1]);
  two.forEach((client) => client.close());
});

test("a stream is never compressed, whatever COMPRESSION says", async () => {
  await withSignals(
    async ({ hub: own }) => {
      const client = await openStream(own, { headers: { "Accept-Encoding": "gzip" } });
      assert.equal(client.head.get("content-encoding"), undefined);
      assert.equal(client.blocks[0].event, "connected");
      client.close();
    },
    { env: { COMPRESSION: "on" } },
  );
});

test("all four shapes of entries arrive as one", async () => {
  const client = await openStream(hub);
  const ids = [];
  for (const [n, shape] of shapes.entries()) {
    const value = signal(n, { side: n === 2 ? "sell" : "buy" });
    ids.push(await add(redis, "signals:paper", shape(value)));
  }
  const seen = await untilSignals(client, 4);
  for (const [n, value] of seen.entries()) {
    const { _metadata: metadata, ...rest } = value;
    assert.deepEqual(rest, signal(n, { side: n === 2 ? "sell" : "buy" }));
    assertSignal(value);
    assert.equal(metadata.message_id, ids[n]);
    assert.equal(metadata.stream, "signals:paper");
    assert.ok(Number.isInteger(metadata.latency_ms) && metadata.latency_ms >= 0);
    assert.deepEqual(Object.keys(metadata), ["message_id", "latency_ms", "stream"]);
  }
  assert.deepEqual(
    eventsOf(client, "signal").map((block) => block.id),
    ids,
  );
  // Sent once, as the named event only.
  assert.equal(client.messages.length, 0);
  client.close();
});

test("the two modes are streams of their own, and new clients start at now", async () => {
  const paper = await openStream(hub);
  const live = await openStream(hub, { query: "?mode=live" });
  await add(redis, "signals:live", shapes[1](signal(1, { mode: "live" })));
  await addSignal(redis, 2);
  const [first] = await untilSignals(live, 1);
  assertSignal(first, "live");
  assert.equal(first.id, "continuous-1");
  assert.equal((await untilSignals(paper, 1))[0].id, "continuous-2");
  const late = await openStream(hub);
  await addSignal(redis, 3);
  assert.equal((await untilSignals(late, 1))[0].id, "continuous-3");
  for (const client of [paper, live, late]) client.close();
});

test("entries that are no signal are passed over, counted and told once per kind", async () => {
  const before = (await getJson(hub, "/v1/signals/health/sse")).body.metrics.total_dropped;
  const client = await openStream(hub);
  for (const fields of [
    ["json", "{not json"],
    ["json", "{not json"],
    ["json", "[]"],
    ["hello", "world"],
    shapes[0](signal(1, { side: "hold" })),
    shapes[1](signal(1, { entry: -1 })),
    shapes[1](signal(1, { confidence: 7 })),
  ])
    await add(redis, "signals:paper", fields);
  await addSignal(redis, 99);
  assert.deepEqual(
    (await untilSignals(client, 1)).map((each) => each.id),
    ["continuous-99"],
  );
  const { metrics } = (await getJson(hub, "/v1/signals/health/sse")).body;
  assert.equal(metrics.total_dropped - before, 7);
  assert.equal(hub.stderr.match(/passed over: bad JSON/g).length, 1);
  assert.equal(hub.stderr.match(/passed over: no side/g).length, 1);
  client.close();
});

test("a bad mode is 422 with the framework's detail", async () => {
  const paths = [`${streamPath}?mode=staging`, "/v1/signals?mode=PAPER", "/v1/signals?mode="];
  for (const path of paths) {
    const { status, body } = await getJson(hub, path);
    assert.equal(status, 422, path);
    assert.ok(Array.isArray(body.detail));
    assert.deepEqual(body.detail[0].loc, ["query", "mode"]);
  }
  for (const limit of ["0", "1001", "-1", "ten", "1.5", ""]) {
    for (const name of ["limit", "n"]) {
      const { status, body } = await getJson(hub, `/v1/signals?${name}=${limit}`);
      assert.equal(status, 422, `${name}=${limit}`);
      assert.deepEqual(body.detail[0].loc, ["query", name]);
    }
  }
});

test("history: newest first, limits, the filter, and only what the client takes", async () => {
  await redis.command("DEL", "signals:live");
  for (const n of range(600)) {
    const value = signal(n, { mode: "live", pair: n % 5 ? "BTC/USD" : "ETH/USD" });
    await add(redis, "signals:live", shapes[n % 4](value));
    if (n % 7 === 0) await add(redis, "signals:live", ["json", "nonsense"]);
  }
  const ids = (body) => body.map((value) => value.id);
  const newest = (count, step = 1, from = 599) =>
    range(count).map((i) => `continuous-${from - i * step}`);
  const all = await getJson(hub, "/v1/signals?mode=live");
  assert.equal(all.status, 200);
  assert.match(all.headers.get("content-type"), /^application\/json/);
  all.body.forEach((value) => assertSignal(value, "live"));
  assert.deepEqual(ids(all.body), newest(200));
  assert.ok(!JSON.stringify(all.body).includes("null"));
  assert.deepEqual(ids((await getJson(hub, "/v1/signals?mode=live&limit=3")).body), newest(3));
  assert.deepEqual(ids((await getJson(hub, "/v1/signals?mode=live&n=2")).body), newest(2));
  const most = await getJson(hub, "/v1/signals?mode=live&limit=1000");
  assert.deepEqual(ids(most.body), newest(600));
  const pair = encodeURIComponent("ETH/USD");
  const filtered = await getJson(hub, `/v1/signals?mode=live&limit=50&pair=${pair}`);
  assert.deepEqual(ids(filtered.body), newest(50, 5, 595));
  const latest = await getJson(hub, "/v1/signals/latest?mode=live&limit=1");
  assert.deepEqual(ids(latest.body), newest(1));
  assert.deepEqual((await getJson(hub, "/v1/signals?mode=live&pair=none")).body, []);
  await redis.command("DEL", "signals:live");
  assert.deepEqual((await getJson(hub, "/v1/signals?mode=live")).body, []);
});

test("history can be oldest first; latest stays newest first", async () => {
  await withSignals(
    async ({ redis: own, hub: other }) => {
      for (const n of range(5)) await addSignal(own, n);
      const ids = async (path) => (await getJson(other, path)).body.map((value) => value.id);
      assert.deepEqual(await ids("/v1/signals?limit=2"), ["continuous-3", "continuous-4"]);
      assert.deepEqual(await ids("/v1/signals/latest?limit=2"), ["continuous-4", "continuous-3"]);
    },
    { env: { SIGNALS_ORDER: "oldest" } },
  );
});

test("the health pages have the shapes that the client demands", async () => {
  assert.deepEqual((await getJson(hub, "/live")).body, { alive: true });
  assert.deepEqual((await getJson(hub, "/ready")).body, { ready: true });
  assert.deepEqual((await getJson(hub, "/health/live")).body, { status: "ok" });
  const status = (await getJson(hub, "/v1/status/health")).body;
  assert.equal(status.status, "healthy");
  assert.ok(Number.isInteger(status.timestamp) && status.timestamp > 1.7e12);
  assert.deepEqual(status.services, { redis: "up", api: "up" });
  await addSignal(redis, 1);
  const health = (await getJson(hub, "/health")).body;
  assert.equal(health.status, "ok");
  for (const name of ["redis_ping_ms", "stream_lag_ms", "last_event_age_ms", "uptime_s"])
    assert.equal(typeof health[name], "number", name);
  const client = await openStream(hub);
  const sse = (await getJson(hub, "/v1/signals/health/sse")).body;
  assert.equal(sse.status, "healthy");
  assert.deepEqual(sse.checks, { redis: "ok", stream: "ok" });
  assert.ok(sse.redis_ok);
  assert.ok(sse.metrics.stream_length > 0 && sse.metrics.active_connections >= 1);
  client.close();
  await eventually(async () => {
    const { metrics } = (await getJson(hub, "/v1/signals/health/sse")).body;
    return metrics.active_connections < sse.metrics.active_connections;
  }, "the count to go down");
});

test("metrics are Prometheus text on the public port", async () => {
  const response = await fetch(`${hub.url}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  assert.match(text, /^livehub_link_up\{link="redis streams"\} 1$/m);
  assert.match(text, /^api_request_count_total \d+$/m);
  assert.match(text, /^signals_entries_skipped_total \d+$/m);
});

test("CORS: the stream is open, the rest as the list says; preflights are answered", async () => {
  const open = await fetch(`${hub.url}/v1/signals`, { headers: { Origin: "https://a.test" } });
  assert.equal(open.headers.get("access-control-allow-origin"), "*");
  await open.arrayBuffer();
  const preflight = async (server, path, origin) => {
    const answer = await exchange(
      server,
      request("OPTIONS", path, {
        Origin: origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "content-type",
      }),
    );
    assert.equal(answer.status, 200);
    assert.match(answer.get("access-control-allow-methods"), /\bGET\b/);
    assert.match(answer.get("access-control-allow-headers"), /\bcontent-type\b/);
    return answer.get("access-control-allow-origin");
  };
  assert.equal(await preflight(hub, "/v1/signals", "https://a.test"), "*");
  for (const name of ["CORS_ALLOW_ORIGINS", "CORS_ORIGINS"]) {
    const listed = await startSignals(redis, { [name]: "https://a.test,https://b.test" });
    assert.equal(await preflight(listed, "/v1/signals", "https://b.test"), "https://b.test");
    assert.equal(await preflight(listed, "/v1/signals", "https://c.test"), undefined);
    assert.equal(await preflight(listed, streamPath, "https://c.test"), "*");
    const stream = await openStream(listed, { headers: { Origin: "https://c.test" } });
    assert.deepEqual(stream.head.all("access-control-allow-origin"), ["*"]);
    stream.close();
    await listed.stop();
  }
});

test("other methods are 405, other paths 404, an upgrade is refused", async () => {
  for (const [method, path, status] of [
    ["HEAD", streamPath, 405],
    ["POST", "/v1/signals", 405],
    ["DELETE", "/health", 405],
    ["GET", "/v1/pnl", 404],
    ["GET", "/streams/sse?type=pnl", 404],
    ["GET", "/", 404],
  ]) {
    const bodiless = method === "HEAD";
    const answer = await exchange(hub, request(method, path), { bodiless });
    assert.equal(answer.status, status, `${method} ${path}`);
    if (status === 404) assert.equal(answer.body, '{"detail":"Not Found"}');
    if (status === 405) assert.equal(answer.get("allow"), "GET");
  }
  const upgrade = await exchange(
    hub,
    request("GET", streamPath, {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }),
  );
  assert.equal(upgrade.status, 404);
});

test("the old path of the stream is served", async () => {
  const client = await openStream(hub, { path: "/streams/sse", query: "?type=signals&mode=live" });
  assert.equal(JSON.parse(client.blocks[0].data).stream, "signals:live");
  client.close();
});

test("heartbeats tell the time, and repeat `connected` where it is asked for", async () => {
  for (const repeats of [false, true]) {
    const env = { SSE_HEARTBEAT_SEC: "1", SIGNALS_REPEAT_CONNECTED: repeats ? "1" : "0" };
    const own = await startSignals(redis, env);
    const client = await openStream(own);
    await client.until((c) => (c.text.match(/^: heartbeat \d+\n\n/gm) ?? []).length >= 2, "two");
    const [, seconds] = /^: heartbeat (\d+)$/m.exec(client.text);
    assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 120);
    assert.doesNotMatch(client.text, /^: ping/m);
    const connected = eventsOf(client, "connected");
    if (!repeats) assert.equal(connected.length, 1);
    else assert.ok(connected.length >= 2 && connected.every((c) => c.data === connected[0].data));
    client.close();
    await own.stop();
  }
});

test("a client that comes back goes on, in memory and from the stream beyond it", async () => {
  for (const n of range(30)) await addSignal(redis, n);
  const client = await openStream(hub);
  for (const n of range(20, 100)) await addSignal(redis, n);
  await untilSignals(client, 20);
  const middle = eventsOf(client, "signal")[4].id;
  const newest = client.lastId;
  client.close();
  for (const n of range(5, 120)) await addSignal(redis, n);
  const fresh = await startSignals(redis); // it has read nothing of this yet
  for (const server of [hub, fresh]) {
    for (const [id, from] of [
      [middle, 105],
      [newest, 120],
    ]) {
      const back = await openStream(server, { headers: { "Last-Event-ID": id } });
      const seen = await untilSignals(back, 125 - from);
      assert.deepEqual(
        seen.map((value) => value.id),
        range(125 - from, from).map((n) => `continuous-${n}`),
      );
      assert.equal(eventsOf(back, "gap").length, 0);
      back.close();
    }
    const stranger = await openStream(server, { headers: { "Last-Event-ID": "not ours" } });
    assert.deepEqual(signalsOf(stranger), []);
    stranger.close();
  }
  await fresh.stop();
});

test("npm's EventSource gets each signal once, as the named event", async () => {
  const source = new EventSource(hub.url + streamPath);
  const seen = { connected: 0, signals: [], messages: 0 };
  source.addEventListener("connected", () => seen.connected++);
  source.addEventListener("signal", (event) => seen.signals.push(JSON.parse(event.data).id));
  source.onmessage = () => seen.messages++;
  await eventually(() => seen.connected === 1, "connected");
  for (const n of range(50)) await addSignal(redis, n);
  await eventually(() => seen.signals.length >= 50, "50 signals");
  assert.deepEqual(
    seen.signals,
    range(50).map((n) => `continuous-${n}`),
  );
  assert.equal(seen.messages, 0);
  source.close();
});

test("switches: no stream, no metrics, another stream, tracking, a group of its own", async () => {
  const env = {
    ENABLE_SSE: "false",
    PROMETHEUS_ENABLED: "false",
    LOG_LEVEL: "INFO",
    APP_ENV: "production",
    REDIS_POOL_MAX: "10",
    REDIS_SOCKET_TIMEOUT: "30",
    REDIS_CA_CERT_USE_CERTIFI: "true",
  };
  const off = await startSignals(redis, env);
  assert.equal((await exchange(off, request("GET", streamPath))).status, 404);
  assert.equal((await exchange(off, request("GET", "/metrics"))).status, 404);
  await off.stop();
  const on = await startSignals(redis, {
    SIGNALS_STREAM_ACTIVE: "signals:paper:staging",
    SSE_TRACK_IN_REDIS: "true",
    CONSUMER_GROUP_NAME: "sse_consumers",
    CONSUMER_NAME: "sse-worker",
  });
  const client = await openStream(on);
  assert.equal(JSON.parse(client.blocks[0].data).stream, "signals:paper:staging");
  await add(redis, "signals:paper:staging", shapes[1](signal(7, { mode: "staging" })));
  assertSignal((await untilSignals(client, 1))[0]);
  const groups = () => redis.command("XINFO", "GROUPS", "signals:paper:staging");
  await eventually(async () => {
    const [group] = await groups();
    return group?.includes("lag") && group[group.indexOf("lag") + 1] === 0;
  }, "the group to keep up");
  assert.match((await groups())[0][1], /^sse_consumers-/);
  const [key] = await eventually(async () => {
    const keys = await redis.command("KEYS", "livehub:signals:streams:*");
    return keys.length > 0 && keys;
  }, "the count in Redis");
  await eventually(async () => (await redis.command("GET", key)) === "1", "a count of one");
  const lease = await redis.command("TTL", key);
  assert.ok(lease > 0 && lease <= 30);
  client.close();
  await on.stop();
});

test("wrong settings stop the start with a sentence", async () => {
  for (const [env, sentence] of [
    [{}, /REDIS_URL must be set/],
    [{ REDIS_URL: "https://x.upstash.io" }, /REDIS_URL is a REST address/],
    [{ REDIS_URL: "redis://h", SIGNALS_STREAM_ACTIVE: "other" }, /SIGNALS_STREAM_ACTIVE is/],
    [{ REDIS_URL: "redis://h", SSE_HEARTBEAT_SEC: "0" }, /SSE_HEARTBEAT_SEC/],
    [{ REDIS_URL: "redis://h", CORS_ALLOW_ORIGINS: "a.test/x" }, /CORS_ALLOW_ORIGINS/],
    [{ REDIS_URL: "redis://h", ENABLE_SSE: "maybe" }, /ENABLE_SSE/],
  ]) {
    const server = await refusedStart({ profile: "signals", env });
    assert.match(server.stderr, sentence);
  }
});

test("APP_PORT wins over PORT", async () => {
  const probe = await startSignals(redis);
  const { port } = probe;
  await probe.stop();
  const { launch } = await import("./lib/server.mjs");
  const server = launch({
    profile: "signals",
    port: null,
    env: { REDIS_URL: redis.url, PORT: "1", APP_PORT: String(port), APP_HOST: "0.0.0.0" },
  });
  await server.untilListening();
  assert.equal(server.port, port);
  const client = await SseClient.open(server, { path: streamPath });
  assert.equal(client.head.status, 200);
  client.close();
  await server.stop();
});
