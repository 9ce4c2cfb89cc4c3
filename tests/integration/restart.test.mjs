// `kill -9` under load, and a new process on the same port at once: clients come back where they
// were and are told what they missed; nobody goes on as if nothing had been.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openStreams } from "./lib/half_open.mjs";
import { eventually, range } from "./lib/patience.mjs";
import { Publisher, push } from "./lib/push.mjs";
import { startServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const last = '"the new process"';

async function pushUntilGone(server) {
  const publisher = new Publisher(server, { connections: 2 });
  for (let n = 0; ; n++) {
    const answer = await publisher.post(String(n)).catch(() => null);
    if (!answer) break;
    assert.equal(answer.status, 200);
  }
  publisher.close();
}

const openWs = (server, position) =>
  WsClient.open(server, { query: `?last_event_id=${encodeURIComponent(position)}` });

async function comeBackSse(server, client) {
  const position = client.lastId;
  const back = await SseClient.open(server, { headers: { "Last-Event-ID": position } });
  await back.untilMessage(last);
  const [first] = back.blocks.filter((block) => block.data !== undefined);
  assert.equal(first.event, "gap", "a message before it was told of the gap");
  assert.deepEqual(JSON.parse(first.data), { reason: "restarted" });
  back.close();
}

async function comeBackWs(server, client) {
  const back = await openWs(server, client.frames.at(-1).id);
  await back.until((c) => c.frames.some((frame) => JSON.stringify(frame.data) === last), "the new");
  assert.equal(back.frames[0].gap, true, "a message before it was told of the gap");
  back.close();
}

test("kill -9 and again: the port is free at once, clients resume and are told", async () => {
  let server = await startServer();
  const { port } = server;
  for (const _ of range(3)) {
    const sse = await Promise.all(range(20).map(() => SseClient.open(server)));
    const ws = await Promise.all(range(20).map(() => openWs(server, "")));
    const pushing = pushUntilGone(server);
    await Promise.all([...sse, ...ws].map((client) => client.untilMessages(10)));
    server.child.kill("SIGKILL");
    await server.untilExit();
    server = await startServer({ port });
    await pushing;
    await Promise.all(sse.map((client) => client.untilOver()));
    await Promise.all(ws.map((client) => client.untilClosed()));
    assert.ok(sse.every((client) => client.cut && !client.ended), "no process ended that stream");
    const back = [
      ...sse.map((client) => comeBackSse(server, client)),
      ...ws.map((client) => comeBackWs(server, client)),
    ];
    await eventually(async () => (await openStreams(server)) === back.length, "all to be back");
    await push(server, "the new process");
    await Promise.all(back);
  }
  await server.stop();
});
