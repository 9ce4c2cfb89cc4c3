// Profile `drop` against a real nats-server and a stand-in for the backend: routes, the order of
// what a stream is sent, and that nothing falls between the snapshot and what comes live.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf, namesOf, openEvents, registration, untilEvents, withDrop } from "./lib/drop.mjs";
import { eventually, inParallel, range } from "./lib/patience.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { refusedStart } from "./lib/server.mjs";

const page = "http://localhost:3005";

function assertCors(head, origin) {
  assert.deepEqual(head.all("access-control-allow-origin"), origin ? [origin] : []);
  assert.deepEqual(head.all("access-control-allow-credentials"), ["true"]);
  assert.deepEqual(head.all("access-control-expose-headers"), ["Content-Type"]);
  assert.deepEqual(head.all("vary"), ["Origin"]);
}

test("health, 404, bad segments, preflight: as the contract has them", async () => {
  await withDrop({}, async ({ server }) => {
    const health = await exchange(server, request("GET", "/health", { Origin: page }));
    assert.equal(health.status, 200);
    assert.equal(health.body, '{"status":"ok","service":"sse"}');
    assert.equal(health.get("content-type"), "application/json");
    assertCors(health, page);
    const head = await exchange(server, request("HEAD", "/health"), { bodiless: true });
    assert.equal(head.status, 200);
    assertCors(head);
    for (const path of ["/", "/events", "/events/", "/events/a", "/events/a/", "/events/a/b/c"]) {
      const answer = await exchange(server, request("GET", path, { Origin: "http://evil.test" }));
      assert.equal(answer.status, 404, path);
      assert.equal(answer.body, "404 Not Found");
      assert.equal(answer.get("content-type"), "text/plain; charset=UTF-8");
      assertCors(answer);
    }
    assert.equal((await exchange(server, request("POST", "/events/a/b"))).status, 404);
    const bads = "* %3E a.b a%20b %2A a%0Ab %ff a%2Eb %zz a%C2%A0 %00 a%7F".split(" ");
    for (const bad of bads) {
      for (const path of [`/events/${bad}/u`, `/events/d/${bad}`, `/events/queue/d/${bad}`]) {
        assert.equal((await exchange(server, request("GET", path))).status, 400, path);
      }
    }
    const preflight = await exchange(
      server,
      request("OPTIONS", "/anything", { Origin: page, "Access-Control-Request-Method": "GET" }),
      { bodiless: true },
    );
    assert.equal(preflight.status, 204);
    assertCors(preflight, page);
    assert.equal(preflight.get("access-control-allow-methods"), "GET,OPTIONS");
    assert.equal(preflight.get("access-control-allow-headers"), "Content-Type,Cache-Control");
  });
});

test("the head goes out before the backend answers; then connected, user, and live", async () => {
  await withDrop({ env: { COMPRESSION: "on" } }, async ({ server, restate, publisher }) => {
    restate.drop("d1", { ...registration, geoFence: { lat: 1.5 }, secret: "not for clients" });
    restate.user("d1", "user-1", { status: "registered", tickets: 2, queuePosition: 9 });
    const release = restate.hold();
    const headers = { Origin: page, "Accept-Encoding": "gzip" }; // which is never compressed
    const client = await openEvents(server, "d1/user-1", { headers });
    assert.equal(client.head.status, 200);
    assert.equal(client.head.get("content-type"), "text/event-stream");
    assert.equal(client.head.get("cache-control"), "no-cache");
    assert.equal(client.head.get("content-encoding"), undefined);
    assertCors(client.head, page);
    await eventually(() => restate.count("Drop/d1/getState"), "the first call");
    assert.deepEqual(namesOf(client), []);
    release();
    await untilEvents(client, "user");
    await publisher.send("drop.d1.state", '{ "type":"drop",\n "inventory": 1.50 }');
    await publisher.send("drop.d1.user.user-1", { type: "user", tickets: 4 });
    await untilEvents(client, "user", 2);
    await untilEvents(client, "drop");
    assert.deepEqual(namesOf(client).slice(0, 2), ["connected", "user"]);
    const [connected] = eventsOf(client, "connected");
    assert.ok(Math.abs(connected.serverTime - Date.now()) < 600_000);
    assert.deepEqual(connected, {
      type: "connected",
      dropId: "d1",
      ...registration,
      geoFence: { lat: 1.5 },
      serverTime: connected.serverTime,
    });
    assert.deepEqual(eventsOf(client, "user"), [
      { type: "user", status: "registered", tickets: 2, position: 9 },
      { type: "user", tickets: 4 },
    ]);
    const block = client.blocks.find((b) => b.event === "drop");
    assert.equal(block.raw, 'event: drop\ndata: {"type":"drop","inventory":1.50}');
    assert.ok(client.blocks.every((b) => b.id === undefined));
    const [call] = restate.calls;
    assert.deepEqual(call, {
      method: "POST",
      path: "Drop/d1/getState",
      body: "{}",
      contentType: "application/json",
    });
    client.close();
  });
});

test("what is published while the snapshot is on its way comes behind it, once", async () => {
  await withDrop({}, async ({ server, nats, restate, publisher }) => {
    restate.drop("d1", registration);
    restate.user("d1", "u", { status: "not_registered" });
    const release = restate.hold();
    const client = await openEvents(server, "d1/u");
    await eventually(() => restate.calls.length > 0, "the bootstrap");
    assert.deepEqual(await nats.subjects(), ["drop.d1.state", "drop.d1.user.u"]);
    for (const n of range(100)) publisher.publish("drop.d1.state", { type: "drop", n });
    for (const n of range(50)) publisher.publish("drop.d1.user.u", { type: "user", n });
    await publisher.flush();
    release();
    for (const n of range(100, 100)) publisher.publish("drop.d1.state", { type: "drop", n });
    const drops = await untilEvents(client, "drop", 200);
    assert.deepEqual(
      drops.map((event) => event.n),
      range(200),
    );
    const users = await untilEvents(client, "user", 51);
    assert.deepEqual(
      users.map((event) => event.n),
      [undefined, ...range(50)],
    );
    assert.deepEqual(namesOf(client).slice(0, 2), ["connected", "user"]);
    client.close();
  });
});

test("who comes while another's snapshot is late gets one of his own", async () => {
  await withDrop({}, async ({ server, restate, publisher }) => {
    restate.drop("d1", registration);
    for (const user of ["a", "b"]) restate.user("d1", user, { tickets: 0 });
    let release;
    restate.slow = new Promise((resolve) => {
      release = resolve;
    });
    const first = await openEvents(server, "d1/a");
    await eventually(() => restate.calls.length > 0, "a snapshot that is made, and late");
    restate.slow = null;
    restate.drop("d1", { ...registration, inventory: 1 });
    await publisher.send("drop.d1.state", { type: "drop", inventory: 1 });
    const second = await openEvents(server, "d1/b");
    await new Promise((resolve) => setTimeout(resolve, 300)); // it listens and asks meanwhile
    release();
    await untilEvents(second, "user");
    await untilEvents(first, "drop");
    // The update was before the second's time: it is in his snapshot.
    assert.equal(eventsOf(second, "connected")[0].inventory, 1);
    first.close();
    second.close();
  });
});

test("200 clients of one drop cost one subscription and shared calls", async () => {
  await withDrop({}, async ({ server, nats, restate, publisher }) => {
    restate.drop("d1", registration);
    restate.user("d1", "u", { status: "registered", tickets: 1 });
    const release = restate.hold();
    const clients = [];
    await inParallel(200, 20, async () => clients.push(await openEvents(server, "d1/u")));
    await eventually(() => restate.calls.length > 0, "a call");
    release();
    await Promise.all(clients.map((client) => untilEvents(client, "user")));
    assert.deepEqual(await nats.subjects(), ["drop.d1.state", "drop.d1.user.u"]);
    // The first one is on its way when the others ask; later ones may need one of their own.
    const calls = restate.count("Drop/d1/getState");
    assert.ok(calls < 100, `${calls} calls`);
    await publisher.send("drop.d1.state", { type: "drop", n: 1 });
    await Promise.all(clients.map((client) => untilEvents(client, "drop")));
    for (const client of clients) client.close();
  });
});

test("a call that fails or is late skips its event, and the stream goes on", async () => {
  await withDrop(
    { env: { RESTATE_API_TIMEOUT_MS: "300" } },
    async ({ server, restate, publisher }) => {
      restate.user("gone", "u", { status: "registered", tickets: 1 });
      const first = await openEvents(server, "gone/u");
      await untilEvents(first, "user");
      assert.deepEqual(namesOf(first), ["user"]);
      restate.drop("odd", "not json");
      const second = await openEvents(server, "odd/u");
      restate.drop("late", registration);
      const release = restate.hold();
      const third = await openEvents(server, "late/u");
      for (const [client, drop] of [
        [first, "gone"],
        [second, "odd"],
        [third, "late"],
      ]) {
        await publisher.send(`drop.${drop}.state`, { type: "drop", drop });
        assert.deepEqual(await untilEvents(client, "drop"), [{ type: "drop", drop }]);
      }
      assert.deepEqual(eventsOf(third, "connected"), []);
      release();
      assert.match(server.stderr, /a call to the backend failed/);
    },
  );
});

test("bad JSON is dropped; wrong UTF-8 is repaired as the service did", async () => {
  await withDrop({}, async ({ server, restate, publisher }) => {
    restate.drop("d1", registration);
    restate.user("d1", "u", { tickets: 0 });
    const client = await openEvents(server, "d1/u");
    await untilEvents(client, "user");
    for (const bad of ["", "{", "undefined", "{'a':1}", '{"a":1}}'])
      publisher.publish("drop.d1.state", bad);
    publisher.publish("drop.d1.state", Buffer.from('{"a":"\xff"}', "latin1"));
    await publisher.send("drop.d1.state", "\ufeff[1]");
    const events = await untilEvents(client, "drop", 2);
    assert.deepEqual(events, [{ a: "\ufffd" }, [1]]);
    assert.deepEqual(eventsOf(client, "user"), [{ type: "user", tickets: 0 }]);
    client.close();
  });
});

test("the queue's stream: the token's state, then events named by their type", async () => {
  await withDrop({}, async ({ server, restate, publisher }) => {
    restate.token("d1", (body) => {
      const { tokenId } = JSON.parse(body);
      if (tokenId === "new") return { found: false };
      if (tokenId === "go") return { found: true, status: "ready", expiresAt: 5, position: 1 };
      return { found: true, status: "waiting", position: 4, estimatedWaitSeconds: 60 };
    });
    const waiting = await openEvents(server, "queue/d1/wait");
    const ready = await openEvents(server, "queue/d1/go");
    const unknown = await openEvents(server, "queue/d1/new");
    assert.deepEqual(await untilEvents(waiting, "queue_position"), [
      { type: "queue_position", position: 4, estimatedWaitSeconds: 60, token: "wait" },
    ]);
    assert.deepEqual(await untilEvents(ready, "queue_ready"), [
      { type: "queue_ready", position: 1, token: "go", expiresAt: 5 },
    ]);
    publisher.publish("queue.d1.new", { type: "a b" });
    publisher.publish("queue.d1.new", { no: "type" });
    await publisher.send("queue.d1.new", { type: "queue_expired", token: "new" });
    assert.deepEqual(await untilEvents(unknown, "queue_expired"), [
      { type: "queue_expired", token: "new" },
    ]);
    assert.deepEqual(namesOf(unknown), ["queue_expired"]);
    for (const client of [waiting, ready, unknown]) client.close();
  });
});

test("the backend's keys are percent-encoded", async () => {
  await withDrop({}, async ({ server, restate }) => {
    const drop = "a/b?c#d é";
    const path = encodeURIComponent("a/b?c#dé");
    restate.drop(path, registration);
    restate.states.set(`Participant/${path}%3Au%26v/getState`, { status: "winner" });
    assert.equal(
      (await exchange(server, request("GET", `/events/${encodeURIComponent(drop)}/u`))).status,
      400, // the space
    );
    const client = await openEvents(server, `${path}/u%26v`);
    await untilEvents(client, "user");
    assert.equal(eventsOf(client, "connected")[0].dropId, "a/b?c#dé");
    assert.equal(eventsOf(client, "user")[0].status, "winner");
    client.close();
  });
});

test("a quiet stream is kept alive by ping comments", async () => {
  await withDrop({ env: { HEARTBEAT_SECONDS: "1" } }, async ({ server }) => {
    const client = await openEvents(server, "d/u");
    await client.until((c) => c.blocks.some((b) => b.comments.includes("ping")), "a ping");
    client.close();
  });
});

test("wrong settings stop the start with a sentence", async () => {
  for (const [name, value] of [
    ["NATS_URL", "localhost:4222"],
    ["RESTATE_INGRESS_URL", "localhost:8080"],
    ["RESTATE_API_TIMEOUT_MS", "0"],
    ["CORS_ORIGINS", "*"],
    ["NATS_CREDS_FILE", "/nowhere/creds"],
  ]) {
    const server = await refusedStart({ profile: "drop", env: { [name]: value } });
    assert.match(server.stderr, new RegExp(name === "NATS_CREDS_FILE" ? "/nowhere/creds" : name));
  }
});
