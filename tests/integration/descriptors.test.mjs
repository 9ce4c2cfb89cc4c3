// Descriptors run out: those who are in stay, the others are refused clearly or wait, nothing
// spins, and when there is room again all is well.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cpuSeconds } from "./lib/cpu.mjs";
import { eventually, range, sleep } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { Wire, request } from "./lib/raw.mjs";
import { io, shards, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

test("a descriptor limit of 256 is survived", async () => {
  await withServer({ descriptors: 256, env: { DRAIN_SECONDS: "1" } }, async (server) => {
    const limit = /Max open files\s+(\d+)/.exec(
      readFileSync(`/proc/${server.pid}/limits`, "latin1"),
    )[1];
    assert.equal(limit, "256", "the limit is not what this test needs");
    const publisher = new Publisher(server, { connections: 1 });
    await publisher.push("its connection is open before the crowd comes");
    // With uring each shard has a table of its own, as large as the limit.
    const crowd = (io === "uring" ? 256 * shards : 256) + 300;
    const streams = [];
    const refused = [];
    const waiting = [];
    await Promise.all(
      range(crowd).map(async () => {
        const wire = await Wire.connect(server).catch(() => null);
        if (!wire) return;
        await wire.write(request("GET", "/api/live"));
        await wire.until((w) => w.bytes.length || w.over, "an answer", 4000).catch(() => {});
        if (wire.bytes.length === 0) {
          (wire.over ? refused : waiting).push(wire);
          return;
        }
        const head = await wire.head();
        const client = head.status === 200 && new SseClient(wire, head);
        if (client)
          await client.until((c) => c.lastId || c.ended, "a position, or retry and the end");
        else assert.equal(head.status, 503);
        // Temporary trouble is 200, retry and a clean end: a browser comes back after that only.
        if (client.ended) assert.ok(client.blocks.some((block) => block.retry !== undefined));
        if (client && !client.ended) streams.push(client);
        else refused.push(wire);
      }),
    );
    const seen = `${streams.length} served, ${refused.length} refused, ${waiting.length} waiting`;
    assert.ok(streams.length >= 64, seen);
    assert.ok(refused.length + waiting.length >= 1, `the limit was not reached: ${seen}`);

    await publisher.push("full");
    await Promise.all(streams.map((client) => client.untilMessage('"full"')));

    // Idle although full: at most a tenth of a second of CPU in two.
    const before = cpuSeconds(server.pid);
    await sleep(2000);
    const spent = cpuSeconds(server.pid) - before;
    assert.ok(spent < 0.5, `it spins: ${spent} s of CPU in 2 s with nothing to do (${seen})`);

    for (const client of streams) client.close();
    for (const wire of [...refused, ...waiting]) wire.destroy();
    await eventually(async () => {
      const clients = [];
      for (const _ of range(50)) clients.push(await SseClient.open(server).catch(() => null));
      const fine = clients.every((client) => client?.head.status === 200);
      for (const client of clients) client?.close();
      return fine;
    }, "room for 50 clients again");
    await publisher.push("again");
    publisher.close();
  });
});

test("idle costs nothing: 300 clients that say nothing", async () => {
  await withServer({}, async (server) => {
    const clients = await Promise.all(range(300).map(() => SseClient.open(server)));
    await Promise.all(clients.map((c) => c.untilPosition()));
    const before = cpuSeconds(server.pid);
    await sleep(2000);
    const spent = cpuSeconds(server.pid) - before;
    assert.ok(spent < 0.5, `${spent} s of CPU in 2 s with nothing to do`);
    for (const client of clients) client.close();
  });
});
