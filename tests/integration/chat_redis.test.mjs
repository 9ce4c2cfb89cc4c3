// Profile chat and Redis: what comes from the web app and from other machines, and repeats.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ChatClient, chatForFile } from "./lib/chat.mjs";
import { eventually, range } from "./lib/patience.mjs";

const { redis, backend, hub, newRoom, joinTwo } = await chatForFile();

test("what others publish to Redis passes unchanged, whatever its type", async () => {
  const room = newRoom();
  const client = await ChatClient.join(hub, room, "ann");
  const payloads = [
    '{"type":"message","data":{"id":"n1","content":"from the web app"},"timestamp":"t"}',
    '{"type":"message_updated","data":{"id":"n1","content":"a"},"timestamp":"t"}',
    '{ "type" : "message_updated", "data":{"id":"n1","content":"b"},"timestamp":"t"}',
    '{"type":"agent_joined","data":{"agentId":"x","agentName":"y","timestamp":"t"}}',
    '{"type":"not invented yet","n":1.50}',
    '{"type":"message","data":{"id":"n2","content":"half \\ud83d"}}',
  ];
  for (const payload of payloads) await redis.command("PUBLISH", `chat:${room}`, payload);
  await client.untilMessages(1 + payloads.length);
  assert.deepEqual(client.messages.slice(1), payloads);
  client.close();
});

test("repeats by data.id are dropped for a while, rubbish always", async () => {
  const room = newRoom();
  const client = await ChatClient.join(hub, room, "ann");
  const publish = (payload) => redis.command("PUBLISH", `chat:${room}`, payload);
  const message = (id) => JSON.stringify({ type: "message", data: { id, content: "x" } });
  await publish(message("a"));
  await publish(message("a"));
  await publish("rubbish");
  await publish("{");
  await publish(Buffer.from([0xff]).toString("latin1"));
  await publish('{"type":"message",\n"data":{"id":"c"}}');
  await publish(message("b"));
  await publish(message("a"));
  await publish('{"type":"end"}');
  await client.untilType("end");
  assert.deepEqual(
    client.of("message").map(({ data }) => data.id),
    ["a", "c", "b"],
  );
  client.close();
});

test("the web app publishes what it saved before it answers: it comes once", async () => {
  const room = newRoom();
  const [ann, bob] = await joinTwo(room);
  backend.answer = async (seen) => {
    const answer = backend.usual(seen);
    const { message } = answer.body;
    const data = { id: message.id, content: message.content, role: "user" };
    await redis.command("PUBLISH", `chat:${room}`, JSON.stringify({ type: "message", data }));
    await bob.until((c) => c.of("message").some((m) => m.data.id === message.id), "the web app's");
    return answer;
  };
  for (const n of range(5)) {
    ann.message(`text ${n}`);
    await ann.untilType("message", n + 1);
  }
  backend.answer = (seen) => backend.usual(seen);
  await redis.command("PUBLISH", `chat:${room}`, '{"type":"end"}');
  for (const client of [ann, bob]) {
    await client.untilType("end");
    assert.deepEqual(
      client.of("message").map(({ data }) => data.content),
      range(5).map((n) => `text ${n}`),
    );
    client.close();
  }
});

test("Redis is subscribed to while a room has somebody here", async () => {
  const room = newRoom();
  const subscribers = async () => (await redis.command("PUBSUB", "NUMSUB", `chat:${room}`))[1];
  assert.equal(await subscribers(), 0);
  const ann = await ChatClient.join(hub, room, "ann");
  assert.equal(await subscribers(), 1); // `connected` came behind it
  const bob = await ChatClient.join(hub, room, "bob");
  assert.equal(await subscribers(), 1);
  ann.close();
  await redis.command("PUBLISH", `chat:${room}`, '{"type":"end"}');
  await bob.untilType("end");
  assert.equal(await subscribers(), 1);
  bob.close();
  await eventually(async () => (await subscribers()) === 0, "the end of the subscription");
  const again = await ChatClient.join(hub, room, "ann");
  assert.equal(await subscribers(), 1);
  again.close();
});
