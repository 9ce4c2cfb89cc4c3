// What the admin port says of the inside: overview, connections, channels, ends and taps, each
// against what the test itself has opened, pushed and closed; and who may ask.
import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { eventually, range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { Wire, exchange } from "./lib/raw.mjs";
import { refusedStart, shards, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire, opcode } from "./lib/websocket.mjs";

const token = "a token for the tests";

// Not fetch(): that sets Host and Origin itself.
const ask = (server, path, { method = "GET", headers = {}, body, host = "127.0.0.1" } = {}) =>
  new Promise((resolve, reject) => {
    const options = { host, port: server.adminPort, path, method, headers, agent: false };
    const asked = http.request(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      answer.on("end", () =>
        resolve({ status: answer.statusCode, headers: answer.headers, body: text }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });

const read = async (server, path) => {
  const answer = await ask(server, path);
  assert.equal(answer.status, 200, `${path}: ${answer.status} ${answer.body}`);
  assert.match(answer.headers["content-type"], /^application\/json/);
  assert.equal(answer.headers["cache-control"], "no-store");
  return JSON.parse(answer.body);
};

const tap = (server, channel) =>
  SseClient.open(server, {
    path: `/debug/tap?channel=${encodeURIComponent(channel)}`,
    hostName: "localhost",
    port: server.adminPort,
  });

test("the overview counts what is open and what flows", async () => {
  await withServer({}, async (server) => {
    const clients = await Promise.all(range(5).map(() => SseClient.open(server)));
    clients.push(await WsClient.open(server), await WsClient.open(server));
    const publisher = new Publisher(server);
    let done = false;
    const pushing = (async () => {
      while (!done) await publisher.push({ activeUsers: 1 });
    })();
    const moving = await eventually(async () => {
      const now = await read(server, "/debug/overview");
      const busy = now.busiest?.[0];
      return now.rates?.deliveries > 0 && busy?.subscribers === 7 && busy.messages > 0 && now;
    }, "moving numbers");
    done = true;
    await pushing;
    assert.equal(moving.profile, "live-data");
    assert.equal(moving.port, server.port);
    assert.equal(moving.connections.sse, 5);
    assert.equal(moving.connections.websocket, 2);
    assert.equal(moving.shards.length, shards);
    assert.equal(moving.shards_missing, 0);
    assert.equal(moving.ready, true);
    assert.equal(
      moving.shards.reduce((sum, s) => sum + s.sse + s.websocket, 0),
      7,
    );
    assert.equal(moving.busiest[0].channel, "live");
    assert.ok(moving.rates.messages > 0 && moving.rates.bytes_out > moving.rates.bytes_in);
    assert.ok(moving.delivery_ms.p50 > 0 && moving.delivery_ms.p99 >= moving.delivery_ms.p50);
    assert.ok(moving.loop_ms.p99 > 0);
    assert.ok(moving.memory.used_bytes > 0 && moving.memory.resident_bytes > 0);
    assert.ok(moving.shards.some((s) => s.busy > 0));
    // Totals settle where the clients are.
    const pushed = clients[0].messages.length;
    await eventually(async () => {
      const now = await read(server, "/debug/overview");
      return now.totals.messages >= pushed && now.totals.deliveries >= 7 * pushed;
    }, "the totals");
    const { samples } = await read(server, "/debug/history");
    assert.ok(samples.length > 0 && samples.some((s) => s.deliveries > 0));
    assert.ok(samples.every((s, i) => i === 0 || s.at_ms >= samples[i - 1].at_ms));
    for (const client of clients) client.close();
    publisher.close();
  });
});

test("the stream has a document each second", async () => {
  await withServer({}, async (server) => {
    const stream = await SseClient.open(server, {
      path: "/debug/stream",
      hostName: "localhost",
      port: server.adminPort,
    });
    await stream.untilMessages(4);
    const seen = stream.messages.map((text) => JSON.parse(text));
    assert.ok(seen.every((document) => document.shards.length === shards));
    assert.ok(seen.at(-1).at_ms > seen[0].at_ms);
    stream.close();
  });
});

test("connections are shown, and filters find them", async () => {
  await withServer({}, async (server) => {
    const sse = await SseClient.open(server);
    const ws = await WsClient.open(server);
    const idle = await Wire.connect(server);
    const all = await eventually(async () => {
      const now = await read(server, "/debug/connections");
      return now.connections.length === 3 && now;
    }, "three connections");
    assert.equal(all.looked_at, 3);
    assert.equal(all.is_cut, false);
    assert.deepEqual(all.connections.map((c) => c.kind).sort(), ["http", "sse", "websocket"]);
    assert.equal(new Set(all.connections.map((c) => c.id)).size, 3);
    for (const c of all.connections) assert.equal(c.address, "127.0.0.1");
    const of = async (query) => (await read(server, `/debug/connections?${query}`)).connections;
    assert.deepEqual((await of("kind=websocket")).map((c) => c.kind), ["websocket"]);
    assert.deepEqual((await of("channel=live")).map((c) => c.kind).sort(), ["sse", "websocket"]);
    assert.deepEqual(await of("channel=nothing"), []);
    assert.deepEqual(await of("address=10."), []);
    assert.equal((await of("address=127.")).length, 3);
    const cut = await read(server, "/debug/connections?limit=1");
    assert.equal(cut.connections.length, 1);
    assert.equal(cut.is_cut, true);
    const [stream] = await of("kind=sse");
    assert.deepEqual(stream.channels, ["live"]);
    assert.equal(stream.phase, "open");
    assert.equal(stream.subscriptions, 1);
    assert.ok(stream.sent_bytes > 100 && stream.received_bytes > 50);
    for (const query of ["limit=0", "limit=1001", "limit=x", "kind=fax"]) {
      const refused = await ask(server, `/debug/connections?${query}`);
      assert.equal(refused.status, 400, query);
      assert.equal(typeof JSON.parse(refused.body).error, "string");
    }
    sse.close();
    ws.close();
    idle.destroy();
  });
});

test("a reader that stands still is seen to lag", async () => {
  await withServer({}, async (server) => {
    const stuck = await SseClient.open(server);
    stuck.wire.socket.pause();
    const publisher = new Publisher(server);
    const text = "x".repeat(200_000);
    const found = await eventually(async () => {
      await publisher.push({ text });
      const { connections } = await read(server, "/debug/connections?kind=sse");
      return connections.find((c) => c.is_blocked && c.lag_messages > 0);
    }, "a blocked stream");
    assert.equal(found.phase, "open");
    stuck.close();
    publisher.close();
  });
});

test("channels are shown with their subscribers", async () => {
  await withServer({}, async (server) => {
    const clients = await Promise.all(range(4).map(() => SseClient.open(server)));
    const { channels } = await eventually(async () => {
      const now = await read(server, "/debug/channels");
      return now.channels[0]?.subscribers === 4 && now;
    }, "four subscribers");
    assert.deepEqual(channels.map((c) => c.channel), ["live"]);
    assert.ok(channels[0].shard < shards);
    assert.equal((await read(server, "/debug/channels?contains=iv")).channels.length, 1);
    assert.equal((await read(server, "/debug/channels?contains=xyz")).channels.length, 0);
    for (const client of clients) client.close();
  });
});

test("why connections ended is remembered", async () => {
  await withServer({ env: { HEAD_SECONDS: "1" } }, async (server) => {
    const causes = async () =>
      Object.fromEntries(
        (await read(server, "/debug/ended")).ended.map((e) => [`${e.kind} ${e.cause}`, e]),
      );
    const seen = (name) => eventually(async () => (await causes())[name], name);
    const left = await SseClient.open(server);
    left.close();
    const ended = await seen("sse client left");
    assert.equal(ended.address, "127.0.0.1");
    assert.ok(ended.sent_bytes > 0 && Math.abs(ended.at_ms - Date.now()) < 120_000);
    const polite = await WsClient.open(server);
    polite.socket.close(4321, "lunch");
    const closed = await seen("websocket client closed");
    assert.equal(closed.code, 4321);
    assert.equal(closed.reason, "lunch");
    const rude = await WsWire.open(server);
    await rude.send(opcode.text, "unmasked", { masked: false });
    assert.equal((await seen("websocket bad frame")).code, 1002);
    rude.destroy();
    await exchange(server, "nonsense\r\n\r\n");
    assert.equal((await seen("http bad request")).code, 400);
    const slow = await Wire.connect(server);
    await slow.write("GET /api/live HTTP/1.1\r\n");
    assert.equal((await seen("http request too slow")).code, 408);
    slow.destroy();
    assert.equal((await read(server, "/debug/ended?limit=2")).ended.length, 2);
  });
});

test("a tap shows what goes through a channel, to nobody else's cost", async () => {
  await withServer({}, async (server) => {
    const publisher = new Publisher(server);
    await publisher.push({ before: 1 });
    const one = await tap(server, "live");
    const two = await tap(server, "live");
    const other = await tap(server, "elsewhere");
    const hasBegun = (t) => t.blocks.some((block) => /tapping/.test(JSON.stringify(block)));
    await eventually(() => [one, two, other].every(hasBegun), "the taps");
    for (const n of range(50)) await publisher.push({ n });
    await publisher.push({ long: "ä".repeat(20_000) });
    for (const t of [one, two]) {
      await t.untilMessages(51);
      const events = t.messages.map((text) => JSON.parse(text));
      assert.deepEqual(events.slice(0, 50).map((e) => e.text), range(50).map((n) => `{"n":${n}}`));
      assert.ok(events.slice(0, 50).every((e) => !e.is_cut && e.bytes === e.text.length));
      assert.equal(new Set(events.map((e) => e.position)).size, 51);
      const long = events[50];
      assert.equal(long.is_cut, true);
      assert.equal(long.bytes, 40_011);
      assert.match(long.text, /^\{"long":"ä{8000,}$/);
    }
    assert.equal(other.messages.length, 0);
    for (const t of [one, two, other]) t.close();
    publisher.close();
  });
});

test("there are eight taps, and a place is free again when one leaves", async () => {
  await withServer({}, async (server) => {
    const taps = [];
    for (const n of range(8)) taps.push(await tap(server, `channel ${n}`));
    assert.equal((await ask(server, "/debug/tap?channel=more")).status, 503);
    assert.equal((await ask(server, "/debug/tap")).status, 400);
    taps.pop().close();
    await eventually(async () => {
      const next = await tap(server, "more");
      if (next.head.status === 200) taps.push(next);
      else next.close();
      return next.head.status === 200;
    }, "a free place");
    for (const t of taps) t.close();
  });
});

test("without a token only this machine sees the inside, by its own name", async () => {
  await withServer({}, async (server) => {
    const paths = ["/", "/page.js", "/page.json", "/debug/overview", "/debug/history",
      "/debug/connections", "/debug/channels", "/debug/ended", "/debug/stream",
      "/debug/tap?channel=live", "/nothing"];
    for (const path of paths) {
      const foreign = { Host: "rebound.example" };
      assert.equal((await ask(server, path, { headers: foreign })).status, 403, path);
      const proxied = { "X-Forwarded-For": "192.0.2.1" };
      assert.equal((await ask(server, path, { headers: proxied })).status, 403, path);
      const origin = { Origin: "http://rebound.example" };
      assert.equal((await ask(server, path, { headers: origin })).status, 403, path);
    }
    for (const path of ["/live", "/ready", "/metrics"]) {
      const headers = { Host: "prometheus.internal", Origin: "http://anything.example" };
      assert.equal((await ask(server, path, { headers })).status, 200, path);
    }
    assert.equal((await ask(server, "/login")).status, 403);
  });
});

test("with a token it opens from elsewhere, by bearer and by form", async () => {
  await withServer({ env: { ADMIN_TOKEN: token } }, async (server) => {
    const Host = "hub.internal:9091";
    const get = (path, headers = {}) => ask(server, path, { headers: { Host, ...headers } });
    const refused = await get("/debug/overview");
    assert.equal(refused.status, 401);
    assert.match(refused.headers["www-authenticate"], /^Bearer/);
    assert.equal((await get("/debug/overview", { Authorization: "Bearer nonsense" })).status, 401);
    assert.equal((await get("/debug/overview", { Authorization: `Bearer ${token}` })).status, 200);
    const front = await get("/");
    assert.equal(front.status, 303);
    assert.equal(front.headers.location, "/login");
    assert.equal((await get("/login")).status, 200);

    const form = (body, headers) =>
      ask(server, "/login", { method: "POST", body, headers: { Host, ...headers } });
    const Origin = `http://${Host}`;
    const right = `token=${encodeURIComponent(token)}`;
    assert.equal((await form(right, {})).status, 403);
    assert.equal((await form(right, { Origin: "http://evil.example" })).status, 403);
    const wrong = await form("token=nonsense", { Origin });
    assert.equal(wrong.headers.location, "/login?wrong=1");
    assert.equal(wrong.headers["set-cookie"], undefined);
    const login = await form(right, { Origin });
    assert.equal(login.status, 303);
    const [cookie] = login.headers["set-cookie"];
    assert.match(cookie, /; HttpOnly; SameSite=Strict$/);
    assert.ok(!cookie.includes(token));
    const Cookie = cookie.split(";")[0];
    assert.equal((await get("/debug/overview", { Cookie })).status, 200);
    assert.equal((await get("/", { Cookie })).status, 200);
    assert.equal((await get("/debug/overview", { Cookie: `${Cookie}0` })).status, 401);
    const out = (headers) =>
      ask(server, "/logout", { method: "POST", headers: { Host, Cookie, ...headers } });
    assert.equal((await out({})).status, 403);
    const gone = await out({ Origin });
    assert.equal(gone.status, 303);
    assert.match(gone.headers["set-cookie"][0], /Max-Age=0/);
    assert.ok(!server.output.includes(token), "the token is in the log");
  });
});

test("a short ADMIN_TOKEN stops the start", async () => {
  const refused = await refusedStart({ env: { ADMIN_TOKEN: "fifteen bytes.." } });
  assert.match(refused.stderr, /ADMIN_TOKEN/);
  assert.ok(!refused.stderr.includes("fifteen"));
});
