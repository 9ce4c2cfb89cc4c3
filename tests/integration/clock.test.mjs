// Somebody sets the clock while streams are open: an hour on, an hour back. Streams, heartbeats,
// history and uptime go by a clock that nobody sets; what is signed goes by the calendar.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChatClient, tokenFor, withChat } from "./lib/chat.mjs";
import { Clock } from "./lib/clock.mjs";
import { eventually } from "./lib/patience.mjs";
import { Publisher, push, signature } from "./lib/push.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { temporaryDirectory, withServer } from "./lib/server.mjs";
import { skipShims } from "./lib/shims.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire, opcode } from "./lib/websocket.mjs";

const hour = 3600;
const jumps = [hour, -hour, 0]; // forth, back over now, and as it was

const comments = (client) => client.blocks.filter((b) => b.comments.includes("ping")).length;

async function nextPing(client) {
  for (;;) {
    const next = await client.frame();
    if (next.opcode === opcode.ping) return client.send(opcode.pong, next.payload);
  }
}

describe("the clock is set", { skip: skipShims }, () => {
  test("streams stay, heartbeats go on, a resume finds everything", async (t) => {
    const clock = new Clock(temporaryDirectory(t));
    const times = { HEARTBEAT_SECONDS: "1", PING_SECONDS: "1", PONG_SECONDS: "5" };
    await withServer({ env: { ...times, ...clock.environment } }, async (server) => {
      const sse = await SseClient.open(server);
      await sse.untilPosition();
      const ws = await WsClient.open(server);
      const pinged = await WsWire.open(server);
      let pushed = 0;
      for (const jump of jumps) {
        const left = await SseClient.open(server);
        await left.untilPosition();
        left.close();
        await push(server, ++pushed, ++pushed);
        clock.set(jump);
        await push(server, ++pushed);
        const before = comments(sse);
        await sse.until((c) => comments(c) >= before + 2 || c.cut, "two heartbeats");
        await nextPing(pinged);
        await sse.untilMessages(pushed);
        await ws.untilMessages(pushed);
        const back = await SseClient.open(server, { headers: { "Last-Event-ID": left.lastId } });
        await back.untilMessages(3);
        assert.equal(back.gaps.length, 0, "the history was taken for old");
        back.close();
      }
      assert.ok(!sse.cut && !sse.ended && ws.closed === null && !pinged.wire.over);
      for (const client of [sse, ws]) client.close();
      pinged.destroy();
    });
  });

  test("signed pushes: the hub's own time decides, and nothing passes twice", async (t) => {
    const clock = new Clock(temporaryDirectory(t));
    const env = { LIVE_PUSH_HMAC_SECRET: "shh", ...clock.environment };
    await withServer({ env }, async (server) => {
      const publisher = new Publisher(server, { connections: 1 });
      const status = async (signed, body) => (await publisher.post(body, signed)).status;
      // Not of the second in which the hub began: that may be one before it.
      await eventually(() => clock.seconds() % 2 === 0, "a later second");
      let last = null;
      for (const [i, jump] of jumps.entries()) {
        const ours = clock.seconds();
        clock.set(jump);
        const body = `{"jump":${i}}`;
        const signed = signature("shh", body, clock.seconds() + 2);
        const untilTaken = async () => (await status(signed, body)) === 200;
        await eventually(untilTaken, "the turn that sees the new time");
        assert.equal(await status(signed, body), 401, "taken twice");
        if (last) assert.equal(await status(last.signed, last.body), 401, "taken again, later");
        if (jump) assert.equal(await status(signature("shh", "1", ours), "1"), 401, "an hour off");
        last = { signed, body };
      }
      publisher.close();
    });
  });

  test("tokens end by the calendar, uptime does not", async (t) => {
    const clock = new Clock(temporaryDirectory(t));
    const env = { ENFORCE_EXPIRY: "1", ...clock.environment };
    await withChat({ env }, async ({ hub }) => {
      const health = async () => (await exchange(hub, request("GET", "/health"))).body;
      const uptime = async () => JSON.parse(await health()).uptime;
      const short = { claims: { exp: clock.seconds() + hour / 2 } };
      const long = { claims: { exp: clock.seconds() + 3 * hour } };
      const ann = await ChatClient.join(hub, "room", "ann", short);
      const bob = await ChatClient.join(hub, "room", "bob", long);
      clock.set(-hour);
      await ann.fence();
      assert.ok((await uptime()) >= 0, "it began in the future");
      clock.set(hour);
      assert.deepEqual(await ann.untilClosed(), { code: 4002, reason: "Token expired" });
      assert.ok((await uptime()) < hour, "it is an hour older");
      await bob.fence();
      const late = await ChatClient.connect(hub, tokenFor("room", "ann", short.claims));
      assert.equal((await late.untilClosed()).code, 4002);
      clock.set(0);
      const back = await ChatClient.join(hub, "room", "ann", short);
      await back.fence();
      for (const client of [bob, back]) client.close();
    });
  });
});
