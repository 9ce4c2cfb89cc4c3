// The load generator itself: every scenario end to end against the hub, small and short, and
// against servers that lose, double, swap, tear or misroute a message, which it must notice. No
// figure is looked at here.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { FakeHub, bench, mustPass, run, script } from "./lib/bench.mjs";
import { io, root, temporaryDirectory, withServer } from "./lib/server.mjs";

const withEcho = { env: { LIVEHUB_ECHO: "1" } };
const short = ["--seconds", 0.8, "--warm-up", 0.2, "--rate", 50];

test("every scenario runs against the hub, and nothing is lost", async (t) => {
  const directory = temporaryDirectory(t);
  const page = path.join(directory, "report.html");
  await withServer(withEcho, async (server) => {
    const ws = server.wsUrl;
    const sse = `${server.url}/api/live`;
    const push = ["--push", `${server.url}/api/live/push`, "--server-pid", server.pid];
    const pid = ["--server-pid", server.pid];
    const runs = {
      connect: [ws, ...pid, "-n", 40],
      idle: [sse, ...push, "-n", 40, "--idle-seconds", 0.2, "--ping-seconds", 0, "--bare"],
      broadcast: [ws, sse, ...push, "-n", 40, ...short, "--html", page],
      saturate: [ws, ...push, "-n", 20, "--seconds", 0.5, "--warm-up", 0.1, "--publishers", 4],
      slow: [ws, ...push, "-n", 20, "--messages", 3, "--bytes", 20_000],
      mixed: [ws, sse, ...push, "-n", 40, "--visitors", 10, ...short],
      reach: [sse, ...push, "-n", 40, "--messages", 3],
    };
    for (const [name, args] of Object.entries(runs)) {
      const found = await mustPass(directory, name, ...args);
      if (name !== "connect") assert.ok(found.messages > 0, `${name} delivered nothing`);
    }
    const echo = `ws://127.0.0.1:${server.port}/echo`;
    const paced = await mustPass(directory, "inbound", echo, ...pid,
      "-n", 20, "--seconds", 1, "--warm-up", 0.2, "--rate", 300);
    assert.equal(paced.messages, paced.sent);
    const closed = await mustPass(directory, "inbound", echo,
      "-n", 5, "--seconds", 0.5, "--warm-up", 0.1, "--rate", 0);
    assert.ok(closed.messages > 5, "each client goes on when its reply has come");
  });
  assert.match(readFileSync(page, "utf8"), /<svg/);
});

test("a storm misses nothing, whatever the protocol", async (t) => {
  const directory = temporaryDirectory(t);
  await withServer(withEcho, async (server) => {
    for (const url of [`${server.url}/api/live`, `${server.wsUrl}?last_event_id={id}`]) {
      const found = await mustPass(directory, "storm", url, "--push",
        `${server.url}/api/live/push`, "-n", 60, "--rate", 40, "--cuts", 2);
      assert.equal(found.storms, 2);
      assert.ok(found.messages > 0);
    }
  });
});

test("the floors take turns with the hub", async (t) => {
  const directory = temporaryDirectory(t);
  await withServer(withEcho, async (server) => {
    const target = (name) =>
      ["--target", `${name},${server.wsUrl},${server.url}/api/live/push,${server.pid}`];
    const connect = await mustPass(directory, "floor", "--kind", "connect", "-n", 30, "--pairs", 1,
      ...target("a"), ...target("b"), "--over", "b");
    assert.ok(connect.a_us_per_connection > 0 && connect.bare_us_per_connection > 0);
    assert.ok(connect.a_ratio > 0 && connect.a_over_b_ratio > 0);
    const delivery = await mustPass(directory, "floor", "-n", 10, "--pairs", 1, "--rate", 100,
      "--seconds", 0.3, ...target("a"));
    assert.ok(delivery.bare_us_per_delivery > 0 && delivery.bare_reach_ms > 0);
    assert.ok(delivery.a_latency_p99_ms > 0);
    const saturated = await mustPass(directory, "floor", "--kind", "saturate", "-n", 10,
      "--pairs", 1, "--seconds", 0.3, "--publishers", 4, "--window", 8, ...target("a"));
    assert.ok(saturated.a_batch >= 1 && saturated.a_ratio > 0);
    const burst = await mustPass(directory, "floor", "--kind", "burst", "-n", 10, "--pairs", 1,
      "--messages", 3, ...target("a"), ...target("b"));
    assert.ok(burst.a_wall_ms > 0 && burst.b_speedup > 0 && burst.b_cpu_ratio > 0);
  });
});

test("heartbeats: as many as there are periods, over sends of as many bytes", async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HEARTBEAT_SECONDS: "1", PING_SECONDS: "1", PONG_SECONDS: "1" };
  await withServer({ env }, async (server) => {
    const run = (url, seconds) => bench(directory, "floor", "--kind", "heartbeats", "-n", 20,
      "--pairs", 2, "--seconds", seconds, "--target", `a,${url},,${server.pid}`);
    for (const url of [`${server.url}/api/live`, server.wsUrl]) {
      const { code, found, output } = await run(url, 1);
      assert.equal(code, 0, output);
      assert.ok(found.a_us_per_second > 0 && found.a_ratio > 0, output);
      // A frame without a payload; or a chunk, which is longer.
      assert.ok(url === server.wsUrl ? found.heartbeat_bytes === 2 : found.heartbeat_bytes > 2);
    }
    // A server that beats three times as often as it is asked about.
    const wrong = await run(`${server.url}/api/live`, 3);
    assert.equal(wrong.code, 1, wrong.output);
    assert.match(wrong.output, /does not send a heartbeat every 3 s/);
  });
});

test("messages of every size are told apart, from 16 bytes on", async (t) => {
  const directory = temporaryDirectory(t);
  await withServer({}, async (server) => {
    for (const url of [server.wsUrl, `${server.url}/api/live`]) {
      for (const bytes of [16, 71, 20_000]) {
        const found = await mustPass(directory, "broadcast", url, "--push",
          `${server.url}/api/live/push`, "-n", 5, ...short, "--bytes", bytes);
        assert.equal(found.messages, 200, `${bytes} bytes`);
        assert.ok(found.latency_max_ms < 60_000, "the time of a message is its own");
      }
    }
  });
});

test("the server without resume misses what was sent during a storm, and that shows", async (t) => {
  const directory = temporaryDirectory(t);
  await withServer({}, async (server) => {
    // A plain WebSocket has no id to come back with; the rate is high enough that none slips by.
    const { code, found } = await bench(directory, "storm", server.wsUrl, "--push",
      `${server.url}/api/live/push`, "-n", 200, "--rate", 1000, "--quiet-seconds", 2);
    assert.equal(code, 1);
    assert.ok(found.lost > 0 || found.failures.length > 0, JSON.stringify(found));
  });
});

// What a hub may do wrong to client 3 with message 7 (the warm-up has 10), and where it shows.
const wrongs = {
  lost: () => [],
  doubled: (text) => [text, text],
  corrupt: (text) => [text.slice(0, 80) + text.slice(90)],
};
for (const [counter, wrong] of Object.entries(wrongs)) {
  for (const protocol of ["ws", "sse"]) {
    test(`a message that is ${counter} shows, ${protocol}`, async (t) => {
      const directory = temporaryDirectory(t);
      const hub = await FakeHub.start({
        deliver: (text, client, message) => (client === 3 && message === 17 ? wrong(text) : [text]),
      });
      t.after(() => hub.stop());
      const url = protocol === "ws" ? hub.wsUrl("/ws/0") : hub.url("/sse/0");
      const run = () => bench(directory, "broadcast", url, "--push", hub.url("/push/0"), "-n", 6,
        ...short, "--quiet-seconds", 1);
      const { code, found, output } = await run();
      assert.equal(code, 1, output);
      assert.equal(found[counter], 1, output);
      for (const other of Object.keys(wrongs))
        if (other !== counter) assert.equal(found[other], 0, `${other}\n${output}`);
      // The same hub has done its wrong: now it does right, and passes.
      if (counter === "lost") assert.equal((await run()).code, 0);
    });
  }
}

test("two messages that change places show", async (t) => {
  const directory = temporaryDirectory(t);
  let held = null;
  const hub = await FakeHub.start({
    deliver: (text, client, message) => {
      if (client !== 2) return [text];
      if (message === 20) return ((held = text), []);
      return message === 21 ? [text, held] : [text];
    },
  });
  t.after(() => hub.stop());
  const { code, found } = await bench(directory, "broadcast", hub.wsUrl("/ws/0"), "--push",
    hub.url("/push/0"), "-n", 4, ...short);
  assert.equal(code, 1);
  assert.equal(found.reordered, 1);
  assert.equal(found.lost, 0);
  assert.equal(found.order_differing, 1);
});

test("rooms: each channel has its own sequence, and one in the wrong room shows", async (t) => {
  const directory = temporaryDirectory(t);
  const runRooms = (hub) =>
    bench(directory, "rooms", hub.wsUrl("/ws/{channel}"), "--push", hub.url("/push/{channel}"),
      "--rooms", 8, "--room-size", 3, "--publishers", 4, "--seconds", 1, "--warm-up", 0.2,
      "--rate", 100, "--quiet-seconds", 1, "--server-pid", process.pid);
  const right = await FakeHub.start();
  t.after(() => right.stop());
  const good = await runRooms(right);
  assert.equal(good.code, 0, good.output);
  assert.equal(good.found.messages, 300, "100 pushes, three in each room");
  // Figures, so any number: on a busy machine a publish alone may cost more than with deliveries.
  assert.ok(Number.isFinite(good.found.rooms_us_per_delivery), good.output);
  assert.ok(Number.isFinite(good.found.one_us_per_delivery), good.output);
  const wrong = await FakeHub.start({ channelOf: (path) => String(path.split("/")[2] % 7) });
  t.after(() => wrong.stop());
  const bad = await runRooms(wrong);
  assert.equal(bad.code, 1);
  assert.match(bad.output, /FAILED/);
});

test("inbound: a reply that does not come shows", async (t) => {
  const directory = temporaryDirectory(t);
  const deliver = (text, _, message) => (message === 30 ? [] : [text]);
  const hub = await FakeHub.start({ deliver });
  t.after(() => hub.stop());
  const { code, found } = await bench(directory, "inbound", hub.wsUrl("/echo"), "-n", 4,
    "--seconds", 0.5, "--warm-up", 0.1, "--rate", 100, "--quiet-seconds", 1);
  assert.equal(code, 1);
  assert.equal(found.lost, 1);
});

test("an API of another shape: method, body and first message are templates", async (t) => {
  const directory = temporaryDirectory(t);
  // Here a push is wrapped and what clients get is its inside; WebSockets say what they want.
  const hub = await FakeHub.start({ deliver: (text) => [JSON.parse(text).message] });
  t.after(() => hub.stop());
  const found = await mustPass(directory, "broadcast", hub.wsUrl("/ws/0"), "--push",
    hub.url("/push/0"), "--push-body", '{"to":"{channel}","message":{payload_string}}',
    "--first-message", '{"subscribe":"{channel}"}', "-n", 4, ...short);
  assert.equal(found.messages, 160);
});

test("what it cannot do is said before anything is loaded", async (t) => {
  const directory = temporaryDirectory(t);
  for (const args of [
    ["rooms", "ws://127.0.0.1:1/x", "--push", "http://127.0.0.1:1/{channel}"],
    ["inbound", "http://127.0.0.1:1/x"],
    ["broadcast", "ws://127.0.0.1:1/x"],
    ["floor", "--target", "a,b"],
  ]) {
    await assert.rejects(bench(directory, ...args), /ended with 2/, args.join(" "));
  }
  assert.ok(existsSync(directory));
});

// The scripts that start servers themselves, as small as they go. What they measure is not looked
// at, so a missed target (1) is as good as a met one.
const scripts = {
  million: ["-n", 300, "--shards", 2, "--messages", 2, "--io", io],
  comparison: ["--peer", "node", "--pairs", 1, "-n", 10, "--rate", 50, "--seconds", 0.2]
    .concat(["--io", io]),
};
for (const [name, args] of Object.entries(scripts)) {
  test(`bench/${name} runs`, async (t) => {
    const file = path.join(temporaryDirectory(t), "found.json");
    const { code, output } = await script(name, ...args, "--json", file);
    assert.ok(code === 0 || code === 1, `${code}\n${output}`);
    const { results } = JSON.parse(readFileSync(file, "utf8"));
    for (const protocol of ["ws", "sse"]) {
      assert.deepEqual(results[protocol].failures, [], output);
      if (name === "million") assert.equal(results[protocol].messages, 600);
      if (name === "comparison") assert.ok(results[protocol][`${io}_us_per_delivery`] > 0, output);
    }
  });
}

test("bench/hotspots counts each sample once, or says what it lacks", async () => {
  const { code, output } = await script("hotspots", "--load", "connect", "--io", io);
  if (code === 2) return assert.match(output, /perf is not installed|perf recorded nothing/);
  assert.equal(code, 0, output);
  const shares = [...output.matchAll(/^ {2}\S.* +(\d+\.\d) %$/gm)].map((found) => Number(found[1]));
  assert.equal(shares.length, 9, output);
  const sum = shares.reduce((a, b) => a + b);
  assert.ok(Math.abs(sum - 100) < 0.6, output);
  assert.match(output, /livehub's own code +\d/);
});

test("bench/growth measures its points and draws them", async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "found.json");
  for (const [axis, points, plot] of [
    ["connections", [30, 60], "growth-connections-cpu-us-per-delivery.svg"],
    ["channels", [2, 10], "growth-channels-rss-bytes-per-connection.svg"],
  ]) {
    const { code, output } = await script("growth", "--quick", "--io", io, "--axis", axis,
      "--points", points.join(","), "--plots", directory, "--json", file);
    assert.equal(code, 0, output);
    const found = JSON.parse(readFileSync(file, "utf8")).results[axis][io];
    assert.deepEqual(Object.keys(found).map(Number), points);
    for (const one of Object.values(found)) assert.ok(one.messages > 0, output);
    assert.match(readFileSync(path.join(directory, plot), "utf8"), /^<svg xmlns/);
  }
});

test("bench/figures prints a verdict, bench/capacity what follows from its costs", async (t) => {
  const file = path.join(temporaryDirectory(t), "found.json");
  const figures = await script("figures", "--quick", "--io", io, "--figure", "start",
    "--json", file);
  assert.ok(figures.code === 0 || figures.code === 1, figures.output);
  assert.match(figures.output, /(ok|MISS) +start to listening, .*target <= 50/);
  assert.match(figures.output, /[01] of 1 targets met/);
  // What a run of all figures would have found.
  const document = JSON.parse(readFileSync(file, "utf8"));
  const costs = { "user bytes": 250, "kernel bytes": 3750, "fixed bytes": 20e6, "paced us": 3.5 };
  document.costs = { "saturated us uring": 0.1 };
  for (const [name, value] of Object.entries(costs)) document.costs[`${name} uring ws`] = value;
  writeFileSync(file, JSON.stringify(document));
  const table = await run(path.join(root, "bench", "capacity"), [file]);
  assert.equal(table.code, 0, table.output);
  // (256 MiB * 7/8 - 64 MB - 20 MB) / 4,000 B; 1/16 of a CPU * 0.7 / 3.5 us.
  assert.match(table.output, /\| shared-cpu-1x \| 1 \| 256 MB \| 37,000 \| 12,000 \| 430,000 \|/);
  const none = await run(path.join(root, "bench", "capacity"), [file, "--protocol", "sse"]);
  assert.equal(none.code, 2, "it measured WebSocket alone");
});
