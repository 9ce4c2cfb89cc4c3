// Profile chat: every route, message, close code and backend call of its contract.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChatClient,
  RedisListener,
  apiSecret,
  chatForFile,
  seconds,
  sign,
  tokenFor,
} from "./lib/chat.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { upgradeRequest } from "./lib/websocket.mjs";

const { redis, backend, hub, countOf, newRoom, joinTwo } = await chatForFile();
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const agent = { claims: { isAuthenticated: true } };

test("an upgrade on any path joins the token's room; connected comes first", async () => {
  for (const path of ["/", "/ws", "/any/path"]) {
    const room = newRoom();
    const client = await ChatClient.join(hub, room, "ann", { path });
    const [{ type, chatId, timestamp, ...rest }] = client.frames;
    assert.deepEqual({ type, chatId, rest }, { type: "connected", chatId: room, rest: {} });
    assert.match(timestamp, isoTime);
    assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000);
    client.close();
  }
});

test("the first subprotocol offered is echoed", async () => {
  const client = await ChatClient.join(hub, newRoom(), "ann", { protocols: ["first", "second"] });
  assert.equal(client.socket.protocol, "first");
  client.close();
});

test("tokens: close codes and reasons, after the upgrade", async () => {
  const room = newRoom();
  const good = { chatId: room, userId: "ann", exp: seconds() + 60 };
  const payload = "Invalid token payload: missing userId or chatId";
  const table = [
    [null, 4001, "Missing authentication token"],
    ["", 4001, "Missing authentication token"],
    ["rubbish", 4002, "Invalid token"],
    [sign(good, { algorithm: "none" }), 4002, "Invalid token"],
    [sign(good, { secret: "another" }), 4002, "Invalid token"],
    [`${sign(good)}x`, 4002, "Invalid token"],
    [sign(good).slice(0, -3), 4002, "Invalid token"],
    [sign({ ...good, nbf: seconds() + 60 }), 4002, "Invalid token"],
    [sign(`{"chatId":"a","chatId":"${room}","userId":"u"}`), 4002, "Invalid token"],
    [sign({ ...good, exp: seconds() - 1 }), 4002, "Token expired"],
    [sign({ ...good, exp: seconds() - 1 }, { secret: "another" }), 4002, "Invalid token"],
    [sign({ ...good, userId: undefined }), 4002, payload],
    [sign({ ...good, chatId: undefined }), 4002, payload],
    [sign({ ...good, userId: "" }), 4002, payload],
    [sign({ ...good, chatId: ".." }), 4002, payload],
    [sign({ ...good, userId: "." }), 4002, payload],
    [sign({ ...good, userId: 7 }), 4002, payload],
  ];
  for (const [token, code, reason] of table) {
    const client = await ChatClient.connect(hub, token);
    assert.deepEqual(await client.untilClosed(), { code, reason }, String(token));
    assert.deepEqual(client.messages, []);
  }
  assert.equal(await countOf(room), 0);
});

test("HS384, HS512 and a token without expiry are accepted", async () => {
  for (const algorithm of ["HS256", "HS384", "HS512"]) {
    const token = sign({ chatId: newRoom(), userId: "ann" }, { algorithm });
    (await ChatClient.join(hub, "", "", { token })).close();
  }
});

test("a token that is too long never reaches a room", async () => {
  const token = tokenFor(newRoom(), "ann", { x: "x".repeat(9000) });
  await assert.rejects(ChatClient.connect(hub, token));
});

test("a message is saved, and goes to the whole room and to Redis, all alike", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  const elsewhere = await ChatClient.join(hub, newRoom(), "eve");
  const listener = await RedisListener.start(redis, `chat:${room}`);
  const from = backend.requests.length;
  ann.message('Hello "you"\nand \u{1f600}');
  const [frame] = await ann.untilType("message");
  const { timestamp, ...rest } = frame;
  assert.match(timestamp, isoTime);
  assert.deepEqual(rest, {
    type: "message",
    data: {
      id: frame.data.id,
      content: 'Hello "you"\nand \u{1f600}',
      role: "user",
      timestamp: "2026-11-21T10:00:00.000Z",
      sender: { id: "ann", name: "Name of ann", avatar: null },
    },
  });
  await bob.untilType("message");
  assert.equal(bob.messages.at(-1), ann.messages.at(-1));
  await listener.until((l) => l.payloads.length >= 1, "the message in Redis");
  assert.deepEqual(listener.payloads, [ann.messages.at(-1)]);
  const calls = backend.requests.slice(from);
  assert.equal(calls.length, 1);
  const [{ method, url, headers, body }] = calls;
  assert.deepEqual(
    [method, url, headers["content-type"], headers["x-internal-secret"]],
    ["POST", `/api/chats/${room}/messages/send`, "application/json", apiSecret],
  );
  assert.equal(
    body,
    JSON.stringify({ content: 'Hello "you"\nand \u{1f600}', role: "USER", userId: "ann" }),
  );
  await elsewhere.fence();
  for (const client of [ann, bob]) {
    await client.fence();
    assert.equal(client.of("message").length, 1); // its own echo through Redis is not shown
  }
  assert.equal(elsewhere.of("message").length, 0);
  [ann, bob, elsewhere].forEach((client) => client.close());
});

test("ids are percent-encoded in the API's addresses", async () => {
  const room = "a/../b?c#d e%é";
  const client = await ChatClient.join(hub, room, "u/1&x", agent);
  const from = backend.requests.length;
  client.message("hi");
  await client.untilType("message");
  client.say({ type: "agent_joined" });
  await client.untilType("agent_joined");
  assert.deepEqual(
    backend.requests.slice(from).map(({ url }) => url),
    [`/api/chats/${encodeURIComponent(room)}/messages/send`, "/api/users/u%2F1%26x"],
  );
  client.close();
});

test("typing goes to the others and to Redis, never back to its sender", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  const listener = await RedisListener.start(redis, `chat:${room}`);
  for (const isTyping of [true, "yes", 1, null, undefined, false])
    ann.say({ type: "typing", isTyping });
  const frames = await bob.untilType("typing", 2);
  assert.deepEqual(
    frames.map(({ data }) => data),
    [
      { userId: "ann", isTyping: true },
      { userId: "ann", isTyping: false },
    ],
  );
  assert.match(frames[0].timestamp, isoTime);
  await listener.until((l) => l.payloads.length >= 2, "both in Redis");
  assert.deepEqual(listener.payloads, bob.messages.slice(1));
  await redis.command("PUBLISH", `chat:${room}`, '{"type":"end"}');
  await ann.untilType("end");
  assert.deepEqual(ann.of("typing"), []);
  assert.equal((await bob.untilType("typing")).length, 2);
  [ann, bob].forEach((client) => client.close());
});

test("agent_joined: the token's user, its name from the API, to all", async () => {
  const room = newRoom();
  const ann = await ChatClient.join(hub, room, "ann");
  const bob = await ChatClient.join(hub, room, "bob", agent);
  const listener = await RedisListener.start(redis, `chat:${room}`);
  const from = backend.requests.length;
  bob.say({ type: "agent_joined", agentId: "somebody", agentName: "else" });
  const [frame] = await ann.untilType("agent_joined");
  assert.deepEqual(frame.data, {
    agentId: "bob",
    agentName: "Name of bob",
    timestamp: frame.data.timestamp,
  });
  assert.match(frame.data.timestamp, isoTime);
  await bob.untilType("agent_joined");
  await listener.until((l) => l.payloads.length >= 1, "it in Redis");
  const [{ method, url, headers }] = backend.requests.slice(from);
  const secret = headers["x-internal-secret"];
  assert.deepEqual([method, url, secret], ["GET", "/api/users/bob", apiSecret]);
  for (const [body, name] of [
    [{ id: "bob", name: null, email: "b@test" }, "b@test"],
    [{ id: "bob" }, "Agent"],
  ]) {
    backend.answer = () => ({ body });
    const count = ann.of("agent_joined").length + 1;
    bob.say({ type: "agent_joined" });
    assert.equal((await ann.untilType("agent_joined", count)).at(-1).data.agentName, name);
  }
  for (const [answer, error] of [
    [{ status: 404, body: { error: "x" } }, "Failed to fetch agent info"],
    [{ body: "no JSON" }, "Failed to process agent_joined event"],
  ]) {
    backend.answer = () => answer;
    const count = bob.of("error").length + 1;
    bob.say({ type: "agent_joined" });
    assert.deepEqual((await bob.untilType("error", count)).at(-1), { type: "error", error });
  }
  backend.answer = (seen) => backend.usual(seen);
  ann.say({ type: "agent_joined" });
  assert.equal((await ann.untilType("error"))[0].error, "Missing content or role");
  [ann, bob].forEach((client) => client.close());
});

test("roles beyond USER need an authenticated token", async () => {
  const room = newRoom();
  const ann = await ChatClient.join(hub, room, "anon_1_x");
  const bob = await ChatClient.join(hub, room, "bob", agent);
  const from = backend.requests.length;
  for (const role of ["AGENT", "ASSISTANT", "agent", "SYSTEM"]) ann.message("x", role);
  const errors = await ann.untilType("error", 4);
  const expected = { type: "error", error: "Missing content or role" };
  for (const error of errors) assert.deepEqual(error, expected);
  assert.equal(backend.requests.length, from);
  for (const role of ["AGENT", "ASSISTANT"]) bob.message("x", role);
  const frames = await ann.untilType("message", 2);
  assert.deepEqual(
    frames.map(({ data }) => data.role),
    ["agent", "assistant"],
  );
  [ann, bob].forEach((client) => client.close());
});

test("what a client gets wrong is told to it alone, and its socket stays", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  const table = [
    ["{", "Failed to process message"],
    ["", "Failed to process message"],
    ["null", "Failed to process message"],
    ["[]", "Unknown message type"],
    ['{"type":"join"}', "Unknown message type"],
    ["{}", "Unknown message type"],
    ['{"type":"message"}', "Missing content or role"],
    ['{"type":"message","content":"a"}', "Missing content or role"],
    ['{"type":"message","role":"USER","content":""}', "Missing content or role"],
  ];
  for (const [i, [text, error]] of table.entries()) {
    ann.say(text);
    assert.deepEqual((await ann.untilType("error", i + 1)).at(-1), { type: "error", error }, text);
  }
  ann.say({ type: "ping", more: 1 });
  assert.deepEqual(await ann.untilType("pong"), [{ type: "pong" }]);
  ann.socket.send(Buffer.from('{"type":"ping"}')); // as binary: the original did not mind
  await ann.untilType("pong", 2);
  await bob.fence();
  assert.deepEqual(bob.of("error"), []);
  [ann, bob].forEach((client) => client.close());
});

test("a frame over 64 KB closes with 1009, and nobody else notices", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  ann.message("x".repeat(65_536));
  assert.equal((await ann.untilClosed()).code, 1009);
  await bob.fence();
  bob.close();
});

test("what the API answers other than success goes to the sender alone", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  const bad = '{"error":"Chat is closed"}';
  const none = "API error: the answer holds no message";
  const table = [
    [{ status: 400, body: bad }, `API error: 400 - ${bad}`],
    [{ status: 401, body: bad }, `API error: 401 - ${bad}`],
    [{ status: 404, body: "<html>\nno" }, "API error: 404 - <html>\nno"],
    [{ status: 500, body: "" }, "API error: 500 - "],
    [{ status: 302, body: "moved" }, "API error: 302 - moved"],
    [{ status: 200, body: "no JSON" }, none],
    [{ status: 200, body: { success: true } }, none],
  ];
  for (const [i, [answer, message]] of table.entries()) {
    backend.answer = () => answer;
    ann.message("hi");
    const expected = { type: "error", error: "Failed to send message", message };
    assert.deepEqual((await ann.untilType("error", i + 1)).at(-1), expected);
  }
  backend.answer = (seen) => backend.usual(seen);
  bob.message("still here");
  await ann.untilType("message");
  assert.deepEqual(bob.of("error"), []);
  [ann, bob].forEach((client) => client.close());
});

test("one sender's messages keep their order whatever the API takes", async () => {
  const room = newRoom();
  const ann = await ChatClient.join(hub, room, "ann");
  const others = await Promise.all(range(4).map((n) => ChatClient.join(hub, room, `u${n}`)));
  backend.answer = async (seen) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    return backend.usual(seen);
  };
  const senders = [ann, ...others];
  for (const n of range(20)) senders.forEach((client, s) => client.message(`${s} ${n}`));
  for (const client of senders) await client.untilType("message", 100);
  backend.answer = (seen) => backend.usual(seen);
  for (const s of range(5)) {
    const own = ann.of("message").map(({ data }) => data.content);
    assert.deepEqual(
      own.filter((text) => text.startsWith(`${s} `)),
      range(20).map((n) => `${s} ${n}`),
    );
  }
  for (const client of senders) {
    assert.deepEqual(client.of("message"), ann.of("message")); // one order for all
    client.close();
  }
});

test("what was said before leaving is still saved and told", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  backend.answer = async (seen) => {
    await held;
    return backend.usual(seen);
  };
  const from = backend.requests.length;
  ann.message("one");
  ann.message("two");
  await backend.until((b) => b.requests.length > from, "the first call");
  ann.close();
  await eventually(async () => (await countOf(room)) === 1, "its leaving");
  release();
  const frames = await bob.untilType("message", 2);
  assert.deepEqual(
    frames.map(({ data }) => data.content),
    ["one", "two"],
  );
  backend.answer = (seen) => backend.usual(seen);
  bob.close();
});

const cors = {
  "access-control-allow-origin": ["*"],
  "access-control-allow-methods": ["GET, OPTIONS"],
  "access-control-allow-headers": ["Content-Type"],
};

test("/health and / say the same, pretty-printed, with CORS", async () => {
  const room = newRoom();
  const clients = await joinTwo(room);
  for (const path of ["/health", "/"]) {
    const answer = await exchange(hub, request("GET", path));
    assert.equal(answer.status, 200);
    for (const [name, values] of Object.entries(cors)) assert.deepEqual(answer.all(name), values);
    assert.deepEqual(answer.all("content-type"), ["application/json"]);
    const body = JSON.parse(answer.body);
    assert.equal(answer.body, JSON.stringify(body, null, 2));
    assert.deepEqual(Object.keys(body), ["status", "uptime", "connections", "memory", "timestamp"]);
    assert.equal(body.status, "healthy");
    assert.ok(body.uptime > 0 && body.uptime < 3600);
    assert.ok(body.connections.total >= 2);
    const mine = body.connections.byChat.filter((r) => room.startsWith(r.chatId.slice(0, 8)));
    assert.deepEqual(mine, [{ chatId: `${room.slice(0, 8)}...`, count: 2 }]);
    const { used, total, percentage } = body.memory;
    assert.ok(used > 1e6 && total > used && Number.isInteger(percentage), `${used} of ${total}`);
    assert.match(body.timestamp, isoTime);
  }
  clients.forEach((client) => client.close());
});

test("OPTIONS is 200 and empty anywhere; anything else is 404", async () => {
  for (const path of ["/", "/health", "/any"]) {
    const answer = await exchange(hub, request("OPTIONS", path));
    assert.deepEqual([answer.status, answer.body], [200, ""]);
    for (const [name, values] of Object.entries(cors)) assert.deepEqual(answer.all(name), values);
  }
  for (const path of ["/x", "/health/", "/health?x=1", "/?token=x", "/HEALTH"]) {
    const answer = await exchange(hub, request("GET", path));
    assert.deepEqual([answer.status, answer.body], [404, '{"error":"Not found"}'], path);
    for (const [name, values] of Object.entries(cors)) assert.deepEqual(answer.all(name), values);
  }
});

test("a raw socket that ends in the middle of a frame leaves nothing behind", async () => {
  const room = newRoom();
  const wire = await Wire.connect(hub);
  await wire.write(upgradeRequest(`/?token=${tokenFor(room, "ann")}`));
  assert.equal((await wire.head()).status, 101);
  await wire.write(Buffer.from([0x81, 0xfe, 0x10]));
  wire.destroy();
  await eventually(async () => (await countOf(room)) === 0, "its leaving");
});
