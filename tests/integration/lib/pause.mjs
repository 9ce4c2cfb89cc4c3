// The hub stands still for a while, with clients who are alive and say so meanwhile. Used by
// pause.test.mjs and tests/soak/pause.mjs.
import { freeze, thaw } from "./freeze.mjs";
import { range, sleep } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { Wire, request } from "./raw.mjs";
import { SseClient } from "./sse.mjs";
import { WsClient, WsWire, opcode } from "./websocket.mjs";

export const pauseSettings = { PING_SECONDS: "1", PONG_SECONDS: "8", HEARTBEAT_SECONDS: "1" };

// Clients who were asked for a pong and have not answered yet.
async function askedClients(server, count) {
  const asked = [];
  for (let i = 0; i < count; i += 100) {
    const some = range(Math.min(100, count - i)).map(() => WsWire.open(server));
    asked.push(...(await Promise.all(some)));
  }
  const isAsked = (wire) => wire.bytes.length > 0 || wire.over;
  await Promise.all(asked.map(({ wire }) => wire.until(isAsked, "a ping")));
  return asked;
}

// The texts that a client by hand gets from now on, pings answered.
async function textsUntil(client, last) {
  const texts = [];
  while (texts.at(-1) !== last) {
    const next = await client.frame();
    if (next === null || next.opcode === opcode.close) return null;
    if (next.opcode === opcode.ping) await client.send(opcode.pong, next.payload);
    if (next.opcode === opcode.text) texts.push(next.payload.toString());
  }
  return texts;
}

// Stops the hub for `seconds`. Says how many lost their connections, who had all reason to stay,
// and how many missed a message; all of which must be 0.
export async function pause(server, { asked, sse, ws, seconds }) {
  const streams = await Promise.all(range(sse).map(() => SseClient.open(server)));
  await Promise.all(streams.map((client) => client.untilPosition()));
  const sockets = await Promise.all(range(ws).map(() => WsClient.open(server)));
  const kept = await Wire.connect(server);
  await kept.write(request("GET", "/health"));
  await kept.response();
  const halfHead = await Wire.connect(server);
  await halfHead.write("GET /health HTTP/1.1\r\nHost: hub.test\r\n");
  const publisher = new Publisher(server, { connections: 4 });
  await publisher.push("before");
  const waiting = await askedClients(server, asked);

  freeze(server.pid);
  await Promise.all(waiting.map((client) => client.send(opcode.pong)));
  await kept.write(request("GET", "/health"));
  await halfHead.write("\r\n");
  const pushed = Promise.all(range(4).map((n) => publisher.push(n)));
  await sleep(seconds * 1000);
  thaw(server.pid);

  await pushed;
  await publisher.push("after");
  const last = '"after"';
  const outcomes = await Promise.all([
    ...waiting.map((client) => textsUntil(client, last)),
    ...[...streams, ...sockets].map(async (client) => {
      await client.until((c) => c.messages.includes(last) || c.cut || c.ended || c.closed, last);
      return client.messages.at(-1) === last ? client.messages.slice(1) : null;
    }),
  ]);
  const answers = await Promise.all(
    [kept, halfHead].map(async (wire) => (await wire.response().catch(() => null))?.status),
  );
  [...streams, ...sockets].forEach((client) => client.close());
  [...waiting, kept, halfHead].forEach((wire) => wire.destroy());
  publisher.close();
  const whole = (texts) => ["0", "1", "2", "3", last].every((text) => texts.includes(text));
  return {
    closed: outcomes.filter((texts) => texts === null).length,
    incomplete: outcomes.filter((texts) => texts !== null && !whole(texts)).length,
    answers,
  };
}
