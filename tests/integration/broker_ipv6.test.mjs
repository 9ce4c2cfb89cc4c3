// Brokers and a backend that are reached over IPv6 alone, as on a private network of Fly's: by
// address, in brackets.
import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import { openEvents, registration, untilEvents } from "./lib/drop.mjs";
import { NatsPublisher, NatsServer } from "./lib/nats.mjs";
import { Browser, startHub, user } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { Proxy } from "./lib/proxy.mjs";
import { Publisher } from "./lib/push.mjs";
import { Redis } from "./lib/redis.mjs";
import { Restate } from "./lib/restate.mjs";
import { startServer, untilReady } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

const hasIpv6 = Object.values(os.networkInterfaces())
  .flat()
  .some((address) => address.address === "::1");
const options = { skip: hasIpv6 ? false : "no IPv6 here" };

const overIpv6 = (broker) => Proxy.start(broker, { host: "::1" });

async function pushArrives(env) {
  const hub = await startServer({ env });
  try {
    await untilReady(hub);
    const client = await SseClient.open(hub);
    await client.untilPosition();
    const publisher = new Publisher(hub, { connections: 1 });
    await publisher.push({ n: 1 });
    await client.untilMessage('{"n":1}');
    publisher.close();
    client.close();
    await hub.stop();
  } finally {
    hub.kill();
  }
}

test("Redis over IPv6", options, async () => {
  const redis = await Redis.start();
  const { port } = await overIpv6(redis);
  await pushArrives({ REDIS_URL: `redis://[::1]:${port}` });
  redis.remove();
});

test("NATS with JetStream over IPv6", options, async () => {
  const nats = await NatsServer.start();
  const { port } = await overIpv6(nats);
  await pushArrives({ NATS_URL: `nats://[::1]:${port}` });
  nats.close();
});

test("PostgreSQL over IPv6", options, async () => {
  const postgres = await Postgres.start();
  const { port } = await overIpv6(postgres);
  const DATABASE_URL = postgres.url({ port }).replace("127.0.0.1", "[::1]");
  const hub = await startHub(postgres, { env: { DATABASE_URL } });
  try {
    await untilReady(hub);
    const browser = await Browser.open(hub, user(1));
    const change = JSON.stringify({ operation: "UPDATE", data: { n: 1 } });
    await postgres.notify(`user_usage_${user(1)}`, change);
    await browser.untilUpdates(1);
    browser.close();
    await hub.stop();
  } finally {
    hub.kill();
    await postgres.end();
  }
});

test("drop: NATS and Restate over IPv6", options, async () => {
  const nats = await NatsServer.start();
  const restate = await Restate.start();
  restate.drop("d", registration);
  restate.user("d", "ann", { status: "registered", tickets: 1 });
  const [way, calls] = await Promise.all([overIpv6(nats), overIpv6(restate)]);
  const env = {
    NATS_URL: `nats://[::1]:${way.port}`,
    RESTATE_INGRESS_URL: `http://[::1]:${calls.port}`,
  };
  const hub = await startServer({ profile: "drop", env });
  try {
    await untilReady(hub);
    const client = await openEvents(hub, "d/ann");
    await untilEvents(client, "user");
    assert.ok(calls.accepted > 0);
    const publisher = await NatsPublisher.connect(nats);
    await publisher.send("drop.d.state", { n: 1 });
    await untilEvents(client, "drop");
    publisher.close();
    client.close();
    await hub.stop();
  } finally {
    hub.kill();
    nats.close();
    restate.close();
  }
});
