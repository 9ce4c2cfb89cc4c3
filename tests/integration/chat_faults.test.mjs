// Profile chat when something around it fails, on several machines, at its end and at its start.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Backend,
  ChatClient,
  apiSecret,
  chatEnvironment,
  jwtSecret,
  seconds,
  startChat,
  tokenFor,
  withChat,
} from "./lib/chat.mjs";
import { assertEndedInTime } from "./lib/expiry.mjs";
import { assertLinksAreUp, assertTroubleIsTold } from "./lib/links.mjs";
import { metricsText } from "./lib/metrics.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { Redis } from "./lib/redis.mjs";
import { refusedStart, untilReady } from "./lib/server.mjs";
import { WsWire, opcode } from "./lib/websocket.mjs";

const health = async (hub) => JSON.parse((await exchange(hub, request("GET", "/health"))).body);
const untilHealthy = (hub, status = "healthy") =>
  eventually(async () => (await health(hub)).status === status, status);
const contents = (client) => client.of("message").map(({ data }) => data.content);
const joinTwo = async (hub, room) => [
  await ChatClient.join(hub, room, "ann"),
  await ChatClient.join(hub, room, "bob"),
];

test("two machines: each message, once, on both; typing to all but its sender", async () => {
  await withChat({ count: 2 }, async ({ hubs }) => {
    for (const hub of hubs) await untilHealthy(hub);
    const ann = await ChatClient.join(hubs[0], "room", "ann");
    const bob = await ChatClient.join(hubs[1], "room", "bob");
    for (const n of range(20)) {
      ann.message(`ann ${n}`);
      bob.message(`bob ${n}`);
    }
    for (const client of [ann, bob]) await client.untilType("message", 40);
    ann.say({ type: "typing", isTyping: true });
    bob.say({ type: "typing", isTyping: false });
    assert.deepEqual((await ann.untilType("typing"))[0].data, { userId: "bob", isTyping: false });
    assert.deepEqual((await bob.untilType("typing"))[0].data, { userId: "ann", isTyping: true });
    ann.message("last");
    for (const client of [ann, bob]) {
      await client.untilType("message", 41);
      await client.fence();
      for (const name of ["ann", "bob"]) {
        const own = contents(client).filter((text) => text.startsWith(`${name} `));
        assert.deepEqual(own, range(20).map((n) => `${name} ${n}`));
      }
      assert.equal(client.of("message").length, 41);
      assert.equal(client.of("typing").length, 1);
      client.close();
    }
  });
});

test("a slow API holds up its sender alone, and its time ends", async () => {
  await withChat({ env: { BACKEND_TIMEOUT_MS: "3000" } }, async ({ hub, backend }) => {
    const [ann, bob] = await joinTwo(hub, "room");
    backend.answer = (seen) =>
      seen.body.includes("stuck") ? new Promise(() => {}) : backend.usual(seen);
    ann.message("stuck");
    ann.message("after it");
    bob.message("meanwhile");
    await ann.untilType("message");
    assert.deepEqual(contents(ann), ["meanwhile"]);
    assert.deepEqual(ann.of("error"), []);
    ann.say({ type: "typing", isTyping: true }); // needs no API, so it need not wait
    await bob.untilType("typing");
    const [error] = await ann.untilType("error");
    assert.equal(error.error, "Failed to send message");
    assert.match(error.message, /^API error: no answer - /);
    await bob.untilType("message", 2);
    assert.deepEqual(contents(bob), ["meanwhile", "after it"]);
    assert.deepEqual(bob.of("error"), []);
    [ann, bob].forEach((client) => client.close());
  });
});

test("a client that says too much for a stuck API is told, and stays", async () => {
  await withChat({}, async ({ hub, backend }) => {
    const [ann, bob] = await joinTwo(hub, "room");
    const release = [];
    backend.answer = (seen) =>
      new Promise((resolve) => {
        release.push(() => resolve(backend.usual(seen)));
      });
    for (const n of range(80)) ann.message(`text ${n}`);
    const errors = await ann.untilType("error", 80 - 65); // one is under way, 64 wait
    assert.equal(errors[0].message, "Too many messages are waiting");
    backend.answer = (seen) => backend.usual(seen);
    release.forEach((go) => go());
    await bob.untilType("message", 65);
    assert.deepEqual(contents(bob), range(65).map((n) => `text ${n}`));
    assert.equal(ann.of("error").length, 15);
    [ann, bob].forEach((client) => client.close());
  });
});

test("all clients together hold a bounded amount for a stuck API", async () => {
  await withChat({}, async ({ hub, backend }) => {
    backend.answer = () => new Promise(() => {});
    const clients = await Promise.all(range(72).map((n) => ChatClient.join(hub, "room", `u${n}`)));
    const text = "x".repeat(60_000); // four of them are within a client's own limit
    for (const client of clients) for (const _ of range(4)) client.message(text);
    for (const client of clients) await client.fence();
    const errors = clients.flatMap((client) => client.of("error"));
    assert.ok(errors.length > 0 && errors.length < 72 * 4, `${errors.length} errors`);
    for (const { message } of errors) assert.equal(message, "Too many messages are waiting");
    clients.forEach((client) => client.close());
  });
});

test("an API that is down is told to the sender, then found again", async () => {
  await withChat({}, async ({ hub, backend }) => {
    await untilHealthy(hub);
    const [ann, bob] = await joinTwo(hub, "room");
    const { port } = backend;
    await backend.stop();
    for (const n of range(30)) ann.message(`lost ${n}`);
    const errors = await ann.untilType("error", 30);
    for (const { error, message } of errors) {
      assert.equal(error, "Failed to send message");
      assert.match(message, /^API error: no answer - /);
      assert.ok(!message.includes("127.0.0.1") && !message.includes(apiSecret));
    }
    assert.equal((await health(hub)).status, "healthy"); // it speaks of Redis
    await backend.listen(port);
    let sent = 0;
    await eventually(
      async () => {
        ann.message(`try ${++sent}`);
        await ann.until(
          (c) => c.of("message").length + c.of("error").length >= 30 + sent,
          "an answer",
        );
        return ann.of("message").length > 0;
      },
      "a message saved again",
      { everyMs: 200 },
    );
    await bob.untilType("message");
    assert.deepEqual(bob.of("error"), []);
    [ann, bob].forEach((client) => client.close());
  });
});

test("Redis down: degraded, rooms here go on; back: a gap, and all as before", async () => {
  await withChat({}, async ({ hub, redis }) => {
    await untilHealthy(hub);
    const [ann, bob] = await joinTwo(hub, "room");
    await redis.kill();
    await untilHealthy(hub, "degraded");
    await assertTroubleIsTold(hub, "redis subscriber", "redis commands");
    assert.equal((await exchange(hub, request("GET", "/health"))).status, 200);
    ann.message("without Redis");
    await bob.untilType("message");
    await ann.untilType("message");
    // Its sender learns that only this machine has it, nobody else does.
    assert.deepEqual((await ann.untilType("error"))[0], {
      type: "error",
      error: "Failed to send message",
      message: "Saved, but other servers may not have it: Redis does not answer",
    });
    const claims = { isAuthenticated: true };
    const agent = await ChatClient.join(hub, "room", "agent", { claims });
    agent.say({ type: "agent_joined" });
    await ann.untilType("agent_joined");
    const [error] = await agent.untilType("error");
    assert.equal(error.error, "Failed to process agent_joined event");
    agent.close();
    const failures = async () =>
      Number(
        /livehub_link_failures_total\{link="redis commands"\} (\d+)/.exec(
          await metricsText(hub),
        )[1],
      );
    const before = await failures();
    assert.ok(before >= 2, String(before));
    bob.say({ type: "typing", isTyping: true });
    await ann.untilType("typing");
    await eventually(async () => (await failures()) > before, "typing to be counted");
    const eve = await ChatClient.join(hub, "room", "eve");
    assert.equal(eve.frames[0].type, "connected");
    eve.message("me too");
    for (const client of [ann, bob, eve]) {
      await client.until((c) => contents(c).includes("me too"), "the newcomer's message");
    }
    await redis.restart();
    await untilReady(hub);
    await untilHealthy(hub);
    await assertLinksAreUp(hub);
    for (const client of [ann, bob]) {
      assert.deepEqual((await client.untilType("gap"))[0], { type: "gap" });
    }
    const publish = () => redis.command("PUBLISH", "chat:room", '{"type":"again"}');
    await eventually(async () => (await publish()) === 1, "the subscription");
    assert.deepEqual(bob.of("error"), []);
    for (const client of [ann, bob, eve]) {
      await client.untilType("again");
      assert.equal(client.closed, null);
      client.close();
    }
  });
});

test("Redis frozen: it is noticed, and nobody waits for it", async () => {
  await withChat({}, async ({ hub, redis }) => {
    await untilHealthy(hub);
    const [ann, bob] = await joinTwo(hub, "room");
    redis.freeze();
    ann.message("frozen");
    await bob.untilType("message");
    await untilHealthy(hub, "degraded");
    bob.message("still");
    await ann.untilType("message", 2);
    for (const client of [ann, bob]) {
      const [error] = await client.untilType("error");
      assert.match(error.message, /^Saved, but /);
    }
    await assertTroubleIsTold(hub, "redis subscriber", "redis commands");
    redis.thaw();
    await untilHealthy(hub);
    await eventually(
      async () => (await redis.command("PUBLISH", "chat:room", '{"type":"again"}')) === 1,
      "the subscription",
    );
    for (const client of [ann, bob]) {
      await client.untilType("again");
      client.close();
    }
  });
});

test("starting without Redis: connected comes all the same, a gap once it is there", async () => {
  const redis = await Redis.start();
  const backend = await Backend.start();
  await redis.kill();
  const hub = await startChat(redis, backend);
  const [ann, bob] = await joinTwo(hub, "room");
  ann.message("alone");
  await bob.untilType("message");
  assert.equal((await health(hub)).status, "degraded");
  await redis.restart();
  await untilHealthy(hub);
  await eventually(
    async () => (await redis.command("PUBLISH", "chat:room", '{"type":"again"}')) === 1,
    "the subscription",
  );
  await bob.untilType("again");
  await bob.untilType("gap");
  [ann, bob].forEach((client) => client.close());
  await hub.stop();
  redis.remove();
  await backend.stop();
});

test("the end: 1001 for whoever is there, exit 0, also with calls under way", async () => {
  await withChat({}, async ({ hub, backend }) => {
    const clients = await Promise.all(range(20).map((n) => ChatClient.join(hub, "room", `u${n}`)));
    backend.answer = () => new Promise(() => {});
    clients.forEach((client) => client.message("never saved"));
    await backend.until((b) => b.requests.length >= 20, "the calls");
    hub.child.kill("SIGINT");
    for (const client of clients) {
      const end = await client.untilClosed();
      assert.deepEqual([end.code, String(end.reason)], [1001, "Server shutting down"]);
    }
    await hub.stop();
    assert.doesNotMatch(hub.output, new RegExp(`${jwtSecret}|${apiSecret}|eyJ`));
  });
});

// A refused upgrade counts as a failed attempt to its clients; after ten of them they stay away.
test("newcomers at the end are let in, then closed with 1001 as who was there", async () => {
  await withChat({ env: { DRAIN_SECONDS: "3" } }, async ({ hub }) => {
    // One that does not answer its close frame keeps the process up for a while.
    const silent = await WsWire.open(hub, { path: `/?token=${tokenFor("room", "silent")}` });
    hub.child.kill("SIGTERM");
    const end = { code: 1001, reason: "Server shutting down" };
    assert.deepEqual(await silent.closeFrame(), end);
    const connect = (token) => eventually(() => ChatClient.connect(hub, token), "to be let in");
    const late = await connect(tokenFor("room", "late"));
    const stranger = await connect("rubbish"); // is told what is wrong, as ever
    assert.deepEqual(await stranger.untilClosed(), { code: 4002, reason: "Invalid token" });
    assert.deepEqual(await late.untilClosed(), end);
    assert.equal(late.messages.length, 1);
    assert.equal(late.of("connected").length, 1);
    silent.destroy();
    await hub.stop();
  });
});

test("a peer that answers no ping is terminated, one that does stays", async () => {
  await withChat({ env: { PING_SECONDS: "1", PONG_SECONDS: "4" } }, async ({ hub }) => {
    const ann = await ChatClient.join(hub, "room", "ann");
    let pings = 0;
    ann.socket.on("ping", () => pings++);
    const silent = await WsWire.open(hub, { path: `/?token=${tokenFor("room", "silent")}` });
    let frame = await silent.frame();
    assert.equal(frame.opcode, opcode.text);
    frame = await silent.frame();
    assert.equal(frame.opcode, opcode.ping);
    while (frame) frame = await silent.frame().catch(() => null);
    await eventually(async () => (await health(hub)).connections.total === 1, "its end");
    assert.ok(pings > 0);
    assert.equal(ann.closed, null);
    ann.close();
  });
});

test("ENFORCE_EXPIRY ends a connection with its token; without it, it stays", async (t) => {
  for (const [env, ends] of [
    [{ ENFORCE_EXPIRY: "1" }, true],
    [{}, false],
  ]) {
    await withChat({ env }, async ({ hub }) => {
      const exp = seconds() + 4;
      const ann = await ChatClient.join(hub, "room", "ann", { claims: { exp } });
      const bob = await ChatClient.join(hub, "room", "bob");
      if (ends) {
        assert.deepEqual(await ann.untilClosed(), { code: 4002, reason: "Token expired" });
        assertEndedInTime(t, ann, exp);
      } else {
        await eventually(() => seconds() > exp + 1, "the token's end");
        await ann.fence();
      }
      await bob.fence();
      [ann, bob].forEach((client) => client.close());
    });
  }
});

test("CHAT_TRUST_ROLES lets anyone be an agent, as the original did", async () => {
  await withChat({ env: { CHAT_TRUST_ROLES: "1" } }, async ({ hub }) => {
    const ann = await ChatClient.join(hub, "room", "ann");
    ann.message("x", "AGENT");
    assert.equal((await ann.untilType("message"))[0].data.role, "agent");
    ann.say({ type: "agent_joined" });
    await ann.untilType("agent_joined");
    ann.close();
  });
});

test("settings that cannot work stop the start with a sentence", async () => {
  const env = chatEnvironment({ url: "redis://127.0.0.1:1" }, { url: "http://127.0.0.1:1" });
  const table = [
    [{ JWT_SECRET: "" }, /JWT_SECRET is not set/],
    [{ JWT_SECRET: "your-jwt-secret-here" }, /JWT_SECRET is the example's placeholder/],
    [{ INTERNAL_API_SECRET: "" }, /INTERNAL_API_SECRET is not set/],
    [{ INTERNAL_API_SECRET: "your-internal-api-secret-here" }, /INTERNAL_API_SECRET .*placeholder/],
    [{ REDIS_URL: "" }, /REDIS_URL is not set/],
    [{ REDIS_URL: "https://x.upstash.io" }, /REDIS_URL .*rediss:\/\//],
    [{ REDIS_URL: "redis://:secretpw@h:99999" }, /REDIS_URL/],
    [{ BACKEND_TIMEOUT_MS: "0" }, /BACKEND_TIMEOUT_MS/],
  ];
  for (const [change, sentence] of table) {
    const refused = await refusedStart({ profile: "chat", env: { ...env, ...change } });
    assert.match(refused.stderr, sentence);
    assert.equal(refused.exited.code, 1);
    assert.doesNotMatch(refused.output, new RegExp(`secretpw|${apiSecret}`));
  }
});

test("an API address without http is a warning, and sending says so", async () => {
  await withChat({ env: { NEXT_API_URL: "localhost:3000" } }, async ({ hub }) => {
    assert.match(hub.output, /NEXT_API_URL must begin with http/);
    const ann = await ChatClient.join(hub, "room", "ann");
    ann.message("x");
    assert.equal((await ann.untilType("error"))[0].error, "Failed to send message");
    ann.close();
  });
});
