// Readiness that cannot lie: a broker that answers every probe and delivers nothing, one that is
// wedged, and one that permits no canary. Real brokers, behind a proxy that loses what it is told.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { startChat, Backend } from "./lib/chat.mjs";
import { track } from "./lib/cleanup.mjs";
import { DeafNats, DeafPostgres, DeafRedis } from "./lib/deaf.mjs";
import { metricsText } from "./lib/metrics.mjs";
import { NatsServer } from "./lib/nats.mjs";
import { eventually, sleep } from "./lib/patience.mjs";
import { Browser, startHub, user } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { Redis } from "./lib/redis.mjs";
import { Restate } from "./lib/restate.mjs";
import { isReady, shards, startServer, temporaryDirectory } from "./lib/server.mjs";
import { untilReady, untilRed } from "./lib/server.mjs";
import { startSignals } from "./lib/signals.mjs";

const wrong = async (server) => (await (await fetch(`${server.adminUrl}/ready`)).json()).wrong;
const metric = async (server, series) => {
  const text = await metricsText(server);
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
};
const hears = async (server, source) =>
  (await metric(server, `livehub_source_canary_age_seconds{source="${source}"}`)) < 6;
const rebuilds = (server, source) =>
  metric(server, `livehub_source_rebuilds_total{source="${source}"}`);

// Each starts one profile behind a proxy to its broker, and ends what it started.
const places = {
  "chat on Redis pub/sub": {
    source: "redis",
    async start() {
      const redis = await Redis.start();
      const backend = await Backend.start();
      const proxy = await deafProxy(redis, DeafRedis);
      const hub = await startChat({ url: urlOf("redis", proxy) }, backend);
      const end = async () => {
        await hub.stop();
        await backend.stop();
        redis.remove();
      };
      return { hub, proxy, end };
    },
  },
  "signals on Redis Streams": {
    source: "redis",
    async start() {
      const redis = await Redis.start();
      const proxy = await deafProxy(redis, DeafRedis);
      const hub = await startSignals({ url: urlOf("redis", proxy) });
      const end = async () => {
        await hub.stop();
        redis.remove();
      };
      return { hub, proxy, end, redis };
    },
  },
  "drop on NATS": {
    source: "nats",
    start: () =>
      onNats(DeafNats, async (proxy) => {
        const restate = await Restate.start();
        const env = { NATS_URL: urlOf("nats", proxy), RESTATE_INGRESS_URL: restate.url };
        const hub = await startServer({ profile: "drop", env });
        return { hub, end: () => restate.close() };
      }),
  },
  "live-data on a JetStream stream": {
    source: "nats stream",
    start: () =>
      onNats(DeafNats, async (proxy) => {
        const hub = await startServer({ env: { NATS_URL: urlOf("nats", proxy) } });
        return { hub, end() {} };
      }),
  },
  "pg-updates on PostgreSQL": {
    source: "postgres",
    async start() {
      const postgres = await Postgres.start();
      const proxy = await deafProxy(postgres, DeafPostgres);
      const hub = await startHub({ url: () => postgres.url({ port: proxy.port }) });
      const end = async () => {
        await hub.stop();
        await postgres.end();
      };
      return { hub, proxy, end, postgres };
    },
  },
};

const urlOf = (scheme, { port }) => `${scheme}://127.0.0.1:${port}`;
const deafProxy = (broker, Deaf) =>
  Proxy.start(broker, { through: (proxy) => new Deaf(() => proxy.deaf) });

async function onNats(Deaf, start) {
  const nats = await NatsServer.start();
  const proxy = await deafProxy(nats, Deaf);
  const { hub, end: endOthers } = await start(proxy);
  const end = async () => {
    await hub.stop();
    endOthers();
    nats.close();
  };
  return { hub, proxy, end };
}

async function at(name, body) {
  const { source, start } = places[name];
  const place = await start();
  try {
    await untilReady(place.hub);
    await eventually(() => hears(place.hub, source), "the first canary");
    await body({ ...place, source });
  } catch (error) {
    place.hub.kill();
    error.message += `\n${place.hub.output}`;
    throw error;
  }
  await place.end();
}

const everywhere = (t, body) =>
  Promise.all(Object.keys(places).map((name) => t.test(name, () => at(name, body))));

const deafness = "a broker that delivers nothing: readiness says so, and the link is rebuilt";
test(deafness, { concurrency: true }, async (t) => {
  await everywhere(t, async ({ hub, proxy, source, postgres }) => {
    const browser = postgres && track(await Browser.open(hub, user(1)));
    proxy.deaf = true;
    await untilRed(hub);
    const [sentence, ...others] = await wrong(hub);
    const late = new RegExp(`^canary: nothing has come back through ${source} for \\d+ s, though`);
    assert.match(sentence, late);
    assert.deepEqual(others, []); // every link says that it is up
    const local = await fetch(`${hub.adminUrl}/ready?local=1`);
    assert.equal(local.status, 200);
    const before = proxy.accepted;
    await eventually(async () => (await rebuilds(hub, source)) >= 1, "the rebuilding");
    await eventually(() => proxy.accepted > before, "a new connection");
    assert.match(hub.stderr, /canary: nothing comes back through [^"]*: connecting anew/);
    // A link that is up again has proven nothing: it is red by the link, then by the canary again.
    await eventually(async () => late.test((await wrong(hub))[0]), "the new link's verdict");
    proxy.deaf = false;
    await untilReady(hub);
    assert.ok(await hears(hub, source));
    if (!browser) return;
    const change = { operation: "UPDATE", data: { user_id: user(1) } };
    await postgres.notify(`user_usage_${user(1)}`, JSON.stringify(change));
    await browser.untilUpdates(1);
    browser.close();
  });
});

const wedge = "a wedged broker: its link says so, and it is not rebuilt beside that";
test(wedge, { concurrency: true }, async (t) => {
  await everywhere(t, async ({ hub, proxy, source }) => {
    proxy.freeze();
    await untilRed(hub);
    await eventually(
      async () => (await wrong(hub)).some((sentence) => !sentence.startsWith("canary")),
      "the link's own sentence",
    );
    assert.equal(await rebuilds(hub, source), 0);
    proxy.thaw();
    await untilReady(hub);
    await eventually(() => hears(hub, source), "a canary through the new link");
    assert.equal(await rebuilds(hub, source), 0);
  });
});

test("every shard's canary comes round, in every profile", async () => {
  await at("signals on Redis Streams", async ({ hub, redis }) => {
    for (let shard = 0; shard < shards; shard++) {
      const series = `livehub_canary_age_seconds{shard="${shard}"}`;
      assert.ok((await metric(hub, series)) < 12, series);
    }
    // What it leaves at the broker is one key that goes away by itself.
    const keys = await redis.command("KEYS", "livehub:canary:*");
    assert.equal(keys.length, 1);
    assert.ok((await redis.command("PTTL", keys[0])) > 0);
    assert.ok((await redis.command("XLEN", keys[0])) <= 16);
  });
});

async function assertUnwatched(hub, source) {
  await untilReady(hub);
  const warning = `canary: ${source} refuses it`;
  await hub.until((s) => s.stderr.includes(warning), "the warning");
  await sleep(13_000); // beyond what would be late
  assert.ok(await isReady(hub));
  assert.equal(hub.stderr.split(warning).length, 2); // said once
}

test("a Redis that permits no canary serves all the same", async () => {
  const redis = await Redis.start();
  const backend = await Backend.start();
  await redis.command("ACL", "SETUSER", "hub", "on", ">pw", "~*", "&chat:*", "+@all");
  await redis.command("ACL", "SETUSER", "reader", "on", ">pw", "~signals:*", "+@all");
  const hubs = [];
  try {
    hubs.push(await startChat({ url: `redis://hub:pw@127.0.0.1:${redis.port}` }, backend));
    hubs.push(await startSignals({ url: `redis://reader:pw@127.0.0.1:${redis.port}` }));
    await Promise.all(hubs.map((hub) => assertUnwatched(hub, "redis")));
    for (const hub of hubs) assert.doesNotMatch(hub.stderr, /refused: |reading was refused/);
    for (const hub of hubs) await hub.stop();
  } finally {
    hubs.forEach((hub) => hub.kill());
    await backend.stop();
    redis.remove();
  }
});

test("a NATS that permits no canary serves all the same", async (t) => {
  const file = path.join(temporaryDirectory(t), "nats.conf");
  const rights = `{ publish: { deny: "livehub.canary.>" } }`;
  const users = `[ { user: hub, password: pw, permissions: ${rights} } ]`;
  writeFileSync(file, `jetstream: {}\nauthorization: { users: ${users} }\n`);
  const nats = await NatsServer.start({ args: ["-c", file] });
  const url = `nats://hub:pw@127.0.0.1:${nats.port}`;
  const hub = await startServer({ env: { NATS_URL: url } });
  try {
    await assertUnwatched(hub, "nats stream");
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
  }
});
