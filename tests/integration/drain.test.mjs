// SIGTERM and SIGINT: everyone is told, nothing that was answered is lost, exit 0 (invariant 10).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import os from "node:os";
import { test } from "node:test";
import { track } from "./lib/cleanup.mjs";
import { drainWithCrowd } from "./lib/drain_crowd.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { eventually, patienceMs, range, sleep } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { full, startServer, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, refusedHandshake } from "./lib/websocket.mjs";

// Pushes without a pause until the server is gone; says what was answered with 200 and what with
// 503.
async function pushUntilGone(server, lane, result) {
  const publisher = new Publisher(server, { connections: 1 });
  for (let n = 0; !server.exited; n++) {
    const body = JSON.stringify({ lane, n });
    const answer = await publisher.post(body).catch(() => null);
    if (answer?.status === 200) {
      assert.equal(result.refused.length, 0, "a push was accepted after one had been refused");
      result.accepted.push(body);
    } else if (answer?.status === 503) {
      result.refused.push(answer);
      await sleep(5);
    } else if (answer) {
      throw new Error(`a push was answered with ${answer.status}`);
    } else {
      result.broken++;
      await sleep(20);
    }
  }
  publisher.close();
}

function lost(client, body, accepted) {
  const missing = accepted.filter((other) => !client.messages.includes(other));
  return (
    `${body} was answered with 200, but ${client.constructor.name} got ${client.messages.length} ` +
    `messages up to ${client.messages.at(-1)} and then its close; it lacks ${missing.join(" ")}`
  );
}

async function drainUnderLoad({ signal, clients, publishers, seconds }) {
  const server = await startServer({ env: { DRAIN_SECONDS: String(seconds) } });
  const sse = await Promise.all(range(clients).map(() => SseClient.open(server)));
  const ws = await Promise.all(range(clients).map(() => WsClient.open(server)));
  await Promise.all(sse.map((c) => c.untilPosition()));
  const results = range(publishers).map(() => ({ accepted: [], refused: [], broken: 0 }));
  const pushing = results.map((result, lane) => pushUntilGone(server, lane, result));
  await sse[0].untilMessages(100);
  await server.stop(signal);
  await Promise.all(pushing);
  for (const client of sse) {
    await client.untilOver();
    assert.ok(client.ended && !client.cut, "an SSE stream was cut instead of ended");
    const retries = client.blocks.filter((b) => b.retry !== undefined);
    assert.equal(retries.length, 1);
    assert.match(retries[0].retry, /^\d+$/);
    assert.equal(client.blocks.at(-1), retries[0], "retry comes last");
  }
  for (const client of ws) {
    const { code } = await client.untilClosed();
    assert.ok(code === 1001 || code === 1012, `close code ${code}`);
  }
  // What was answered with 200 reached everyone.
  const accepted = results.flatMap((r) => r.accepted);
  for (const client of [...sse, ...ws]) {
    const seen = new Set(client.messages);
    for (const body of accepted) assert.ok(seen.has(body), lost(client, body, accepted));
    assert.equal(seen.size, client.messages.length, "a message came twice");
  }
  return results.flatMap((r) => r.refused);
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal} under load: clean ends, 503 for pushes, nothing lost, exit 0`, async () => {
    const load = { signal, clients: 30, publishers: 2, seconds: 2 };
    const refused = await drainUnderLoad(load);
    assert.ok(refused.length > 0, "no push was answered while it drained");
    for (const answer of refused) {
      assert.match(answer.headers["retry-after"], /^\d+$/);
      assert.equal(JSON.parse(answer.body).ok, false);
    }
  });
}

test("400 clients: each is told, over the whole of the time, and lacks nothing", async () => {
  const seconds = 5;
  const server = await startServer({ env: { DRAIN_SECONDS: String(seconds) } });
  const found = await drainWithCrowd(server, { sse: 200, ws: 200, everyMs: 20, seconds });
  const { code, untold, incomplete, wrong, pushed } = found;
  assert.deepEqual({ code, untold, incomplete }, { code: 0, untold: 0, incomplete: 0 });
  assert.deepEqual(wrong, [], "pushes were answered with neither 200 nor 503");
  assert.ok(pushed >= 20, `${pushed} pushes were taken`);
  // 0.7 and 0.14 where nobody else needs the machine.
  assert.ok(found.spanShare > 0.4, `all were closed within ${found.spanShare} of the time`);
  assert.ok(found.busiestShare < 0.6, `${found.busiestShare} of the closes in a tenth of the time`);
  assert.ok(found.took < seconds + 10, `it ended after ${found.took} s`);
});

test("the same again and again on a machine that has no time: nothing lost", async () => {
  // Shards that are stopped at any moment show what they must not assume of each other.
  const hogs = range(os.cpus().length * 2).map(() =>
    track(spawn("sh", ["-c", "while :; do :; done"]), (hog) => hog.kill("SIGKILL")),
  );
  try {
    for (const round of range(full ? 20 : 5)) {
      const signal = round % 2 ? "SIGINT" : "SIGTERM";
      await drainUnderLoad({ signal, clients: 10, publishers: 6, seconds: 1 });
    }
  } finally {
    for (const hog of hogs) hog.kill("SIGKILL");
  }
});

test("while it drains: readiness red, new streams get retry and an end, upgrades 503", async () => {
  const server = await startServer({ env: { DRAIN_SECONDS: "8" } });
  const sse = await Promise.all(range(40).map(() => SseClient.open(server)));
  const ws = await Promise.all(range(40).map(() => WsClient.open(server)));
  server.child.kill("SIGTERM");
  await eventually(
    async () => (await fetch(`${server.adminUrl}/ready`)).status === 503,
    "/ready to be 503",
  );
  assert.equal((await exchange(server, request("GET", "/_livehub/ready"))).status, 503);
  assert.equal((await exchange(server, request("GET", "/_livehub/ready?local=1"))).status, 503);
  assert.equal((await fetch(`${server.adminUrl}/live`)).status, 200);
  const late = await SseClient.open(server);
  assert.equal(late.head.status, 200);
  assert.equal(late.head.get("content-type"), "text/event-stream; charset=utf-8");
  await late.untilOver();
  assert.ok(late.ended);
  assert.ok(late.blocks.some((b) => b.retry !== undefined));
  const upgrade = await refusedHandshake(server);
  assert.equal(upgrade.status, 503);
  assert.match(upgrade.headers["retry-after"], /^\d+$/);
  const pushed = await exchange(server, request("POST", "/api/live/push", {}, "1"));
  assert.equal(pushed.status, 503);
  assert.match(pushed.get("retry-after"), /^\d+$/);
  await server.stop();
  for (const client of [...sse, ...ws]) client.close();
});

test("the closes are spread, not all at once", async () => {
  const server = await startServer({ env: { DRAIN_SECONDS: "3" } });
  const sse = await Promise.all(range(60).map(() => SseClient.open(server)));
  server.child.kill("SIGTERM");
  const ends = [];
  await Promise.all(
    sse.map(async (client) => {
      await client.untilOver();
      ends.push(Date.now());
    }),
  );
  assert.ok(Math.max(...ends) - Math.min(...ends) > 300, "all within 300 ms of a drain of 3 s");
  const retries = new Set(sse.map((c) => c.blocks.at(-1).retry));
  assert.ok(retries.size > 5, `no jitter in retry: ${[...retries]}`);
  await server.stop();
});

test("with no clients it ends at once, however long a drain may take", async () => {
  const server = await startServer({ env: { DRAIN_SECONDS: "3600" } });
  const idle = await Wire.connect(server); // a kept connection without a request is no client
  await idle.write(request("GET", "/health"));
  await idle.response();
  await server.stop();
  idle.destroy();
});

test("SIGUSR1 from outside ends nothing, and SIGTERM still does", async () => {
  const server = await startServer();
  server.child.kill("SIGUSR1");
  // The log of a reload says that the signal before it has been taken.
  server.child.kill("SIGHUP");
  await server.until((s) => /reload: nothing was changed/.test(s.stderr), "the signals");
  server.child.kill("SIGTERM");
  await server.untilExit(patienceMs);
  assert.deepEqual(server.exited, { code: 0, signal: null });
});

test("a second signal ends it at once", async () => {
  const server = await startServer({ env: { DRAIN_SECONDS: "3600" } });
  const clients = await Promise.all(range(20).map(() => SseClient.open(server)));
  server.child.kill("SIGTERM");
  await eventually(
    async () => (await fetch(`${server.adminUrl}/ready`)).status === 503,
    "the drain",
  );
  assert.equal(server.exited, null);
  server.child.kill("SIGTERM");
  await server.untilExit(patienceMs);
  for (const client of clients) client.close();
});

test("a client that never reads does not hold the end up", async () => {
  const server = await startServer({ env: { DRAIN_SECONDS: "2" } });
  const stuck = await Promise.all(range(4).map(() => SseClient.open(server)));
  for (const client of stuck) client.pause();
  const publisher = new Publisher(server);
  for (const n of range(40)) await publisher.push({ n, fill: "x".repeat(100_000) });
  publisher.close();
  await server.stop();
  for (const client of stuck) client.close();
});

test("what was answered just before the signal is delivered", async () => {
  for (let round = 0; round < 5; round++) {
    await withServer({}, async (server) => {
      const sse = await Promise.all(range(5).map(() => SseClient.open(server)));
      const ws = await Promise.all(range(5).map(() => WsClient.open(server)));
      const publisher = new Publisher(server);
      for (const n of range(10)) await publisher.push({ n, fill: "y".repeat(50_000) });
      server.child.kill(round % 2 ? "SIGINT" : "SIGTERM");
      for (const client of sse) {
        await client.untilOver();
        assert.equal(client.messages.length, 10);
      }
      for (const client of ws) {
        await client.untilClosed();
        assert.equal(client.messages.length, 10);
      }
      publisher.close();
    });
  }
});
