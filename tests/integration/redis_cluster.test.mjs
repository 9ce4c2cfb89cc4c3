// Two processes on one Redis behave as one hub (profile live-data with REDIS_URL).
import assert from "node:assert/strict";
import { test } from "node:test";
import { values, withCluster } from "./lib/cluster.mjs";
import { expectRefusedInDrain, expectTakenBeforeDrain } from "./lib/drain_push.mjs";
import { metricsText } from "./lib/metrics.mjs";
import { eventually, range, sleep } from "./lib/patience.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { Redis } from "./lib/redis.mjs";
import { refusedStart, startServer, untilReady, untilRed } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

async function withHubs(count, body, { env = {}, redis: options } = {}) {
  const redis = await Redis.start(options);
  try {
    await withCluster(count, { REDIS_URL: redis.url, ...env }, (cluster) =>
      body({ redis, ...cluster }),
    );
  } finally {
    redis.remove();
  }
}

// A Redis that has all of it again after it was killed.
const keeping = { redis: { args: ["--appendonly", "yes", "--appendfsync", "always"] } };

async function openClients(hubs) {
  const clients = [];
  for (const hub of hubs) {
    const sse = await SseClient.open(hub);
    await sse.untilPosition();
    clients.push(sse, await WsClient.open(hub));
  }
  return clients;
}

test("each push reaches the clients of both, once, in one order", async () => {
  await withHubs(2, async ({ redis, hubs, publishers }) => {
    const clients = await openClients(hubs);
    await Promise.all(
      publishers.map(async (publisher, which) => {
        for (const n of range(200)) await publisher.push({ which, n });
      }),
    );
    for (const client of clients) await client.untilMessages(400);
    await publishers[0].push("end");
    for (const client of clients) {
      await client.untilMessages(401);
      assert.deepEqual(client.messages, clients[0].messages);
    }
    for (const which of [0, 1]) {
      const own = clients[0].messages.slice(0, 400).map((text) => JSON.parse(text));
      assert.deepEqual(
        own.filter((value) => value.which === which).map((value) => value.n),
        range(200),
      );
    }
    assert.equal(await redis.command("XLEN", "livehub:live-data:live"), 401);
    // The positions are Redis's.
    const key = "livehub:live-data:live";
    const [[id]] = await redis.command("XREVRANGE", key, "+", "-", "COUNT", "1");
    assert.equal(clients[0].lastId, id);
    clients.forEach((client) => client.close());
  });
});

test("a client cut from one process goes on at the other, and at a new one", async () => {
  await withHubs(2, async ({ redis, hubs, publishers }) => {
    const client = await SseClient.open(hubs[0]);
    await client.untilPosition();
    const beginning = client.lastId;
    for (const n of range(50)) await publishers[n % 2].push({ n });
    await client.untilMessages(50);
    const middle = client.blocks.find((block) => block.data === '{"n":19}').id;
    client.close();
    const third = await startServer({ env: { REDIS_URL: redis.url } });
    await untilReady(third);
    for (const [hub, id, from] of [
      [hubs[1], middle, 20],
      [hubs[1], beginning, 0],
      [third, middle, 20],
      [third, beginning, 0],
    ]) {
      const back = await SseClient.open(hub, { headers: { "Last-Event-ID": id } });
      assert.deepEqual(await back.untilMessages(50 - from), values(50 - from, from));
      assert.equal(back.gaps.length, 0);
      back.close();
    }
    await third.stop();
  });
});

// One machine's link stands still; `body` gets the other hub's publisher, a client's position that
// only that hub has read, and how to come back with it at the one that lags.
async function withLaggingHub(body) {
  await withHubs(1, async ({ redis, hubs, publishers }) => {
    const proxy = await Proxy.start(redis);
    const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    const lagging = await startServer({ env });
    await untilReady(lagging);
    const [ahead, behind] = await openClients([hubs[0], lagging]).then((all) => [all[0], all[2]]);
    await publishers[0].push({ n: 0 });
    await behind.untilMessages(1);
    proxy.freeze();
    for (const n of range(9, 1)) await publishers[0].push({ n });
    await ahead.untilMessages(10);
    assert.equal(behind.messages.length, 1);
    const headers = { "Last-Event-ID": ahead.lastId };
    const back = () => SseClient.open(lagging, { headers });
    const isHeld = async () =>
      /livehub_resumes_held_total\{[^}]*\} 1\b/.test(
        await metricsText(lagging),
      );
    await body({ proxy, publisher: publishers[0], back, isHeld, behind });
    await lagging.stop();
  });
}

test("who comes from a machine that is ahead gets nothing twice from one that lags", async () => {
  await withLaggingHub(async ({ proxy, publisher, back, isHeld, behind }) => {
    const opening = back();
    await eventually(isHeld, "the resume to wait");
    proxy.thaw();
    const client = await opening;
    await publisher.push({ n: 10 });
    await client.untilMessages(1);
    await behind.untilMessages(11);
    assert.deepEqual(behind.messages, values(11));
    assert.deepEqual(client.messages, values(1, 10));
    assert.equal(client.gaps.length, 0);
    client.close();
  });
});

test("a machine that lags for too long tells a gap instead", async () => {
  await withLaggingHub(async ({ proxy, publisher, back }) => {
    const client = await back();
    await client.until((c) => c.gaps.length === 1, "the gap");
    proxy.thaw();
    await publisher.push("end");
    await client.untilMessage('"end"');
    client.close();
  });
});

test("what Redis has trimmed is told as a gap", async () => {
  await withHubs(1, async ({ redis, hubs, publishers }) => {
    const first = await SseClient.open(hubs[0]);
    await first.untilPosition();
    await publishers[0].push({ n: 0 });
    await first.untilMessages(1);
    first.close();
    for (const n of range(9, 1)) await publishers[0].push({ n });
    await redis.command("XTRIM", "livehub:live-data:live", "MAXLEN", "3");
    const third = await startServer({ env: { REDIS_URL: redis.url } });
    await untilReady(third);
    const back = await SseClient.open(third, { headers: { "Last-Event-ID": first.lastId } });
    await back.until((c) => c.gaps.length > 0, "the gap");
    await back.untilMessages(3);
    assert.deepEqual(back.messages, values(3, 7));
    assert.equal(back.gaps.length, 1);
    back.close();
    await third.stop();
  });
});

// A frozen process has the first of them in its socket, and asks for what comes behind it too late.
test("what Redis trims while the process stands still is told as a gap", async () => {
  await withHubs(1, async ({ redis, hubs, publishers }) => {
    const client = await SseClient.open(hubs[0]);
    await client.untilPosition();
    await publishers[0].push({ n: 0 });
    await client.untilMessages(1);
    hubs[0].child.kill("SIGSTOP");
    const add = ["XADD", "livehub:live-data:live", "MAXLEN", "5", "*", "d"];
    for (const n of range(20, 1)) await redis.command(...add, `{"n":${n}}`);
    hubs[0].child.kill("SIGCONT");
    await client.until((c) => c.messages.at(-1) === '{"n":20}', "the last one");
    assert.deepEqual(client.messages.slice(-5), values(5, 16));
    assert.equal(client.gaps.length, client.messages.length < 21 ? 1 : 0);
    client.close();
  });
});

test("with Redis down a push is 503, nobody is dropped, and all goes on later", async () => {
  await withHubs(2, async ({ redis, hubs, publishers }) => {
    const clients = await openClients(hubs);
    await publishers[0].push({ n: 0 });
    for (const client of clients) await client.untilMessages(1);
    await redis.kill();
    for (const hub of hubs) await untilRed(hub);
    for (const publisher of publishers) {
      const answer = await publisher.post("{}");
      assert.equal(answer.status, 503, answer.body);
      assert.equal(answer.headers["retry-after"], "1");
      assert.match(answer.body, /"ok":false/);
    }
    const local = await fetch(`${hubs[0].adminUrl}/ready?local=1`);
    assert.equal(local.status, 200, "this process itself can serve");
    assert.ok(await redis.restart());
    for (const hub of hubs) await untilReady(hub);
    await publishers[1].push({ n: 1 });
    for (const client of clients) await client.untilMessage('{"n":1}');
    for (const client of clients) {
      assert.deepEqual(client.messages.filter((text) => text.includes('"n"')), values(2));
      assert.ok(!client.closed && !client.ended && !client.cut);
      assert.equal(client.gaps?.length ?? 0, 0);
      client.close();
    }
  }, keeping);
});

test("a Redis that comes back empty is told as a gap, to a plain WebSocket by 1013", async () => {
  await withHubs(1, async ({ redis, hubs, publishers }) => {
    const [sse, ws] = await openClients(hubs);
    await publishers[0].push({ n: 0 });
    await sse.untilMessages(1);
    await redis.kill();
    await untilRed(hubs[0]);
    assert.ok(await redis.restart());
    await sse.until((c) => c.gaps.length === 1, "the gap");
    assert.equal(sse.gaps[0].data, '{"reason":"source"}');
    assert.deepEqual(await ws.untilClosed(), { code: 1013, reason: "messages may be missing" });
    await untilReady(hubs[0]);
    await publishers[0].push({ n: 1 });
    assert.deepEqual(await sse.untilMessages(2), values(2));
    sse.close();
  });
});

test("with Redis frozen a push is 503 in time, and readiness is red", async () => {
  await withHubs(1, async ({ redis, hubs, publishers }) => {
    const clients = await openClients(hubs);
    redis.freeze();
    assert.equal((await publishers[0].post("{}")).status, 503);
    await untilRed(hubs[0]);
    redis.thaw();
    await untilReady(hubs[0]);
    await publishers[0].push({ n: 1 });
    for (const client of clients) {
      await client.untilMessage('{"n":1}');
      assert.ok(!client.closed && !client.ended && !client.cut);
      client.close();
    }
  });
});

test("a client that came while Redis was away is told of the gap and gets what comes", async () => {
  await withHubs(1, async ({ redis, hubs, publishers }) => {
    await redis.kill();
    await untilRed(hubs[0]);
    const late = await SseClient.open(hubs[0]);
    await late.untilPosition();
    assert.ok(await redis.restart());
    await untilReady(hubs[0]);
    await late.until((c) => c.gaps.length === 1, "the gap");
    assert.equal(late.gaps[0].data, '{"reason":"source"}');
    await publishers[0].push({ n: 1 });
    await late.untilMessages(1);
    late.close();
  });
});

// A hub on a Redis behind a proxy, and how many entries its stream has.
async function withProxiedHub(body) {
  const redis = await Redis.start();
  const proxy = await Proxy.start(redis);
  const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, DRAIN_SECONDS: "8" };
  const hub = await startServer({ env });
  await untilReady(hub);
  await body(hub, proxy, () => redis.command("XLEN", "livehub:live-data:live"));
}

test("a push whose body comes in the drain is 503, and Redis does not have it", async () => {
  await withProxiedHub((hub, _, stored) => expectRefusedInDrain(hub, stored));
});

test("a push that Redis took before the drain is 200", async () => {
  await withProxiedHub(expectTakenBeforeDrain);
});

// Each byte that is no UTF-8 becomes a character of three.
test("a push that no hub would take is 413, and Redis does not have it", async () => {
  const env = { MAX_BODY_BYTES: "4096", MESSAGE_BYTES: "4096" };
  const body = (bytes) => Buffer.from(`"${"\xff".repeat(bytes)}"`, "latin1");
  await withHubs(
    1,
    async ({ redis, hubs, publishers }) => {
      const client = await SseClient.open(hubs[0]);
      await client.untilPosition();
      assert.equal((await publishers[0].post(body(1365))).status, 413);
      await publishers[0].push(body(1364));
      assert.equal((await client.untilMessages(1))[0].length, 1366);
      assert.equal(await redis.command("XLEN", "livehub:live-data:live"), 1);
      client.close();
    },
    { env },
  );
});

test("processes with another prefix, and entries of others, stay apart", async () => {
  await withHubs(
    1,
    async ({ redis, hubs, publishers }) => {
      const client = await SseClient.open(hubs[0]);
      await client.untilPosition();
      await redis.command("XADD", "livehub:live-data:live", "*", "d", "elsewhere");
      await redis.command("XADD", "mine:live-data:live", "*", "x", "no field d");
      await redis.command("XADD", "mine:live-data:live", "*", "d", "two\nlines");
      await publishers[0].push({ n: 1 });
      assert.deepEqual(await client.untilMessages(1), values(1, 1));
      await sleep(50);
      assert.equal(client.messages.length, 1);
      client.close();
    },
    { env: { BROKER_PREFIX: "mine" } },
  );
});

test("wrong settings stop the start with a sentence", async () => {
  for (const [env, sentence] of [
    [{ REDIS_URL: "https://eu1-x.upstash.io" }, /REDIS_URL is a REST address.*rediss:\/\//],
    [{ REDIS_URL: "redis://:hunter2@h:99999" }, /REDIS_URL: after the credentials/],
    [{ REDIS_URL: "rediss://h", REDIS_CA_CERT: "/nowhere.pem" }, /REDIS_CA_CERT: .*nowhere/],
    [{ REDIS_URL: "redis://h", MODE: "generator" }, /MODE=generator .*REDIS_URL/],
  ]) {
    const server = await refusedStart({ env });
    assert.match(server.stderr, sentence);
    assert.doesNotMatch(server.stderr, /hunter2/);
  }
});
