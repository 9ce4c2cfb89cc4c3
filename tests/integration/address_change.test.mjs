// A broker's name points elsewhere after a reconnect: names are resolved anew each time, so no
// client is dropped and delivery goes on from the new address.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MovingName } from "./lib/moving_name.mjs";
import { NatsServer } from "./lib/nats.mjs";
import { eventually } from "./lib/patience.mjs";
import { Browser, settingsFor, user } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { Publisher } from "./lib/push.mjs";
import { Redis } from "./lib/redis.mjs";
import { isReady, sanitized, startServer, untilReady, untilRed } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

// A sanitizer must be the first library of a process, and this one is.
const options = { skip: sanitized && "a preloaded library does not go with sanitizers" };


// Starts the hub with its broker at the first address; `move` takes it to the second.
async function startMoving(broker, settings) {
  const moving = await MovingName.start(broker);
  const given = settings(`${moving.name}:${moving.port}`);
  const hub = await startServer({ ...given, env: { ...given.env, ...moving.env } });
  await untilReady(hub);
  assert.ok(moving.proxy.open > 0, "it is not at the first address");
  const move = async () => {
    await moving.leave();
    await untilRed(hub);
    await moving.arrive();
    await eventually(() => isReady(hub), "readiness at the second address");
    assert.ok(moving.proxy.open > 0, "it is not at the second address");
  };
  return { hub, move };
}

async function expectPushesGoOn(broker, settings) {
  const { hub, move } = await startMoving(broker, settings);
  const publisher = new Publisher(hub, { connections: 1 });
  const client = await SseClient.open(hub);
  await client.untilPosition();
  await publisher.push({ n: 0 });
  await client.untilMessages(1);
  await move();
  await publisher.push({ n: 1 });
  assert.deepEqual(await client.untilMessages(2), ['{"n":0}', '{"n":1}']);
  assert.equal(client.gaps.length, 0);
  client.close();
  await hub.stop();
}

test("Redis moves to another address", options, async () => {
  const redis = await Redis.start();
  await expectPushesGoOn(redis, (place) => ({ env: { REDIS_URL: `redis://${place}` } }));
});

test("NATS moves to another address", options, async () => {
  const nats = await NatsServer.start();
  await expectPushesGoOn(nats, (place) => ({ env: { NATS_URL: `nats://${place}` } }));
  nats.close();
});

test("PostgreSQL moves to another address", options, async () => {
  const postgres = await Postgres.start();
  try {
    const { hub, move } = await startMoving(postgres, (place) => {
      const DATABASE_URL = postgres.url().replace(/@[^/]+/, `@${place}`);
      return settingsFor(postgres, { env: { DATABASE_URL } });
    });
    const browser = await Browser.open(hub, user(1));
    const change = (n) => JSON.stringify({ operation: "UPDATE", data: { n } });
    await postgres.notify(`user_usage_${user(1)}`, change(0));
    await browser.untilUpdates(1);
    await move();
    await browser.until((b) => b.gaps === 1, "the gap");
    await postgres.notify(`user_usage_${user(1)}`, change(1));
    const updates = await browser.untilUpdates(2);
    assert.deepEqual(updates.map((update) => update.data.data.n), [0, 1]);
    assert.equal(browser.closed, null);
    browser.close();
    await hub.stop();
  } finally {
    await postgres.end();
  }
});
