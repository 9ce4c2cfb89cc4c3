// Profile `signals` when Redis fails in every way it does: killed, restarted, frozen, talking
// garbage, evicting us, moving to another address. No client is dropped, readiness tells the truth,
// and delivery goes on by itself.
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { freeze, thaw } from "./lib/freeze.mjs";
import { assertLinksAreUp, assertTroubleIsTold } from "./lib/links.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Redis } from "./lib/redis.mjs";
import { isReady, untilReady, untilRed } from "./lib/server.mjs";
import { track } from "./lib/cleanup.mjs";
import {
  addSignal,
  eventsOf,
  getJson,
  openStream,
  signalsOf,
  startSignals,
  untilSignals,
  withSignals,
} from "./lib/signals.mjs";

const idsOf = (client) => signalsOf(client).map((value) => value.id);
const ids = (from, to) => range(to - from, from).map((n) => `continuous-${n}`);
const assertOpen = (...clients) => {
  for (const client of clients) assert.ok(!client.ended && !client.cut, "no client is dropped");
};
// It has all of it again after it was killed.
const keeping = { redis: { args: ["--appendonly", "yes", "--appendfsync", "always"] } };

test("killed and started again with its data: every signal, no gap", async () => {
  await withSignals(async ({ redis, hub }) => {
    const client = await openStream(hub);
    await addSignal(redis, 0);
    await untilSignals(client, 1);
    await redis.kill();
    await untilRed(hub);
    await assertTroubleIsTold(hub, "redis streams", "redis commands");
    assert.deepEqual((await getJson(hub, "/ready")).body, { ready: false });
    assert.equal((await getJson(hub, "/v1/status/health")).body.status, "degraded");
    assert.equal((await getJson(hub, "/health")).body.status, "degraded");
    assert.equal((await getJson(hub, "/v1/signals")).status, 503);
    assert.deepEqual((await getJson(hub, "/live")).body, { alive: true });
    const late = await openStream(hub); // while it is away
    assert.ok(await redis.restart());
    await addSignal(redis, 1);
    await untilSignals(client, 2);
    await untilSignals(late, 1);
    await untilReady(hub);
    await assertLinksAreUp(hub);
    assert.deepEqual(idsOf(client), ids(0, 2));
    assert.deepEqual(idsOf(late), ids(1, 2));
    assert.equal(eventsOf(client, "gap").length, 0);
    assertOpen(client, late);
    client.close();
    late.close();
  }, keeping);
});

test("killed and started again empty: a gap is told, then what comes", async () => {
  await withSignals(async ({ redis, hub }) => {
    const client = await openStream(hub);
    await addSignal(redis, 0);
    await untilSignals(client, 1);
    await redis.kill();
    await untilRed(hub);
    assert.ok(await redis.restart());
    await client.until((c) => eventsOf(c, "gap").length === 1, "the gap");
    assert.equal(eventsOf(client, "gap")[0].data, '{"reason":"source"}');
    await untilReady(hub);
    await addSignal(redis, 1);
    await untilSignals(client, 2);
    assert.deepEqual(idsOf(client), ids(0, 2));
    assertOpen(client);
    client.close();
  });
});

test("frozen: seen by its silence; what was written meanwhile arrives", async () => {
  await withSignals(async ({ redis, hub }) => {
    const client = await openStream(hub);
    await addSignal(redis, 0);
    await untilSignals(client, 1);
    redis.freeze();
    await assertTroubleIsTold(hub, "redis streams"); // each link has a silence of its own
    assert.ok(!(await isReady(hub)));
    redis.thaw();
    await addSignal(redis, 1);
    await untilSignals(client, 2);
    await untilReady(hub);
    assert.deepEqual(idsOf(client), ids(0, 2));
    assert.equal(eventsOf(client, "gap").length, 0);
    assertOpen(client);
    client.close();
  });
});

test("evicted again and again: every signal, once, in order", async () => {
  await withSignals(async ({ redis, hub }) => {
    const client = await openStream(hub);
    const admin = redis.client();
    for (const n of range(200)) {
      if (n % 40 === 0) await admin.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      const value = JSON.stringify({ n });
      await admin.command("XADD", "signals:live", "*", "x", value); // another stream's noise
      await addSignal(redis, n);
    }
    await untilSignals(client, 200);
    assert.deepEqual(idsOf(client), ids(0, 200));
    assert.equal(eventsOf(client, "gap").length, 0);
    assertOpen(client);
    admin.close();
    client.close();
  });
});

test("trimmed while we were away: what is left arrives behind a gap", async () => {
  await withSignals(async ({ redis, hub }) => {
    const client = await openStream(hub);
    await addSignal(redis, 0);
    await untilSignals(client, 1);
    await redis.kill();
    await untilRed(hub);
    freeze(hub.child.pid); // so that it sees nothing before the stream is trimmed
    assert.ok(await redis.restart());
    for (const n of range(19, 1)) await addSignal(redis, n);
    await redis.command("XTRIM", "signals:paper", "MAXLEN", "5");
    thaw(hub.child.pid);
    await untilSignals(client, 6);
    assert.deepEqual(idsOf(client), ["continuous-0", ...ids(15, 20)]);
    const order = client.blocks.map((block) => block.event).filter((name) => name !== undefined);
    assert.deepEqual(order.slice(0, 4), ["connected", "signal", "gap", "signal"]);
    assert.equal(eventsOf(client, "gap").length, 1);
    assertOpen(client);
    client.close();
  }, keeping);
});

// Passes connections through to a Redis that may change, or says something of its own instead.
class Switch {
  static async start(target) {
    const self = track(new Switch(), (each) => each.close());
    self.target = target;
    self.sockets = new Set();
    self.server = net.createServer((inner) => {
      self.sockets.add(inner);
      inner.on("error", () => {}).on("close", () => self.sockets.delete(inner));
      if (typeof self.target === "string") return inner.end(self.target);
      const outer = net.connect(self.target.port, "127.0.0.1").on("error", () => inner.destroy());
      self.sockets.add(outer);
      outer.on("close", () => {
        self.sockets.delete(outer);
        inner.destroy();
      });
      inner.on("close", () => outer.destroy());
      inner.pipe(outer);
      outer.on("data", (bytes) => inner.write(self.cut ? bytes.subarray(0, self.cut) : bytes));
    });
    await new Promise((resolve) => self.server.listen(0, "127.0.0.1", resolve));
    self.port = self.server.address().port;
    return self;
  }
  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }
  turn(target) {
    this.target = target;
    for (const socket of this.sockets) socket.destroy();
  }
  close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

test("garbage, a reply cut in the middle, and another server behind the same name", async () => {
  const first = await Redis.start();
  const second = await Redis.start();
  const middle = await Switch.start(first);
  const hub = await startSignals(middle);
  try {
    await untilReady(hub);
    const client = await openStream(hub);
    await addSignal(first, 0);
    await untilSignals(client, 1);
    for (const garbage of [
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "*2147483647\r\n",
      "+OK\r\n:7\r\n+PONG\r\n*1\r\n*2\r\n$13\r\nsignals:paper\r\n*1\r\n*2\r\n$3\r\n9-9\r\n*2\r\n",
      "\u0000\u0001\u0002",
    ]) {
      middle.turn(garbage);
      await untilRed(hub);
      middle.turn(first);
      await untilReady(hub);
    }
    // Half of each reply, and then the connection is gone.
    middle.cut = 40;
    await addSignal(first, 1);
    middle.turn(first);
    middle.cut = 0;
    middle.turn(first);
    await untilSignals(client, 2);
    middle.turn(second);
    await client.until((c) => eventsOf(c, "gap").length === 1, "the gap of another server");
    await untilReady(hub);
    await addSignal(second, 2);
    await untilSignals(client, 3);
    assert.deepEqual(idsOf(client), ids(0, 3));
    assertOpen(client);
    client.close();
    await hub.stop();
  } finally {
    hub.kill();
    middle.close();
    first.remove();
    second.remove();
  }
});

test("two processes on one Redis both deliver everything", async () => {
  await withSignals(
    async ({ redis, hubs }) => {
      const clients = [];
      for (const hub of [...hubs, ...hubs]) clients.push(await openStream(hub));
      for (const n of range(300)) await addSignal(redis, n);
      for (const client of clients) {
        await untilSignals(client, 300);
        assert.deepEqual(idsOf(client), ids(0, 300));
        client.close();
      }
      const blocks = clients.map((client) => eventsOf(client, "signal").map((each) => each.id));
      assert.deepEqual(blocks[0], blocks[1]);
      // Both processes are of one machine: one group.
      await eventually(async () => {
        const groups = await redis.command("XINFO", "GROUPS", "signals:paper");
        return groups.length === 1;
      }, "the group of this machine");
    },
    { hubs: 2, env: { CONSUMER_GROUP_NAME: "sse_consumers" } },
  );
});

test("it starts while Redis is away, and is ready when Redis comes", async () => {
  const redis = await Redis.start();
  await redis.kill();
  const hub = await startSignals(redis);
  try {
    await untilRed(hub);
    const client = await openStream(hub);
    assert.equal(eventsOf(client, "connected").length, 1);
    assert.ok(await redis.restart());
    await untilReady(hub);
    await client.until((c) => eventsOf(c, "gap").length === 1, "the gap");
    await addSignal(redis, 0);
    await untilSignals(client, 1);
    assertOpen(client);
    client.close();
    await hub.stop();
  } finally {
    hub.kill();
    redis.remove();
  }
});
