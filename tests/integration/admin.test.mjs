// The admin listener, and what of it the public port shows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import { after, test } from "node:test";
import { notFound } from "./lib/contract.mjs";
import { push } from "./lib/push.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { eventually } from "./lib/patience.mjs";
import { refusedStart, startServer, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient, WsWire, opcode } from "./lib/websocket.mjs";

const server = await startServer();
after(() => server.stop());

const canConnect = (host, port) =>
  new Promise((resolve) => {
    const socket = net.connect({ host, port });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

// Prometheus' text format, line by line; returns samples as {name, labels, value}.
function parseMetrics(text) {
  const samples = [];
  const typed = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type) {
      assert.ok(!typed.has(type[1]), `TYPE twice: ${line}`);
      typed.set(type[1], type[2]);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (\S+)$/.exec(line);
    assert.ok(sample, `not a line of the text format: ${line}`);
    assert.ok(!Number.isNaN(Number(sample[3].replace(/\+?Inf/, "Infinity"))), line);
    const family = sample[1].replace(/_(bucket|sum|count)$/, "");
    assert.ok(typed.has(sample[1]) || typed.has(family), `no TYPE for ${line}`);
    samples.push({ name: sample[1], labels: sample[2] ?? "", value: Number(sample[3]) });
  }
  return samples;
}

test("/live and /ready are 200 while it serves", async () => {
  for (const path of ["/live", "/ready", "/ready?local=1"]) {
    const answer = await fetch(server.adminUrl + path);
    assert.equal(answer.status, 200, path);
    await answer.text();
  }
  assert.equal((await fetch(`${server.adminUrl}/nothing`)).status, 404);
});

test("/_livehub/ready says the same on the public port", async () => {
  const admin = await (await fetch(`${server.adminUrl}/ready`)).text();
  const answer = await exchange(server, request("GET", "/_livehub/ready"));
  assert.equal(answer.status, 200);
  assert.equal(answer.body, admin);
  assert.equal((await exchange(server, request("GET", "/_livehub/ready?local=1"))).status, 200);
});

test("PUBLIC_READY=0 turns that off", async () => {
  await withServer({ env: { PUBLIC_READY: "0" } }, async (own) => {
    const answer = await exchange(own, request("GET", "/_livehub/ready"));
    assert.equal(answer.status, 404);
    assert.equal(answer.body, notFound);
    assert.equal((await fetch(`${own.adminUrl}/ready`)).status, 200);
  });
});

const scrape = async (own) => {
  const answer = await fetch(`${own.adminUrl}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^text\/plain/);
  return parseMetrics(await answer.text());
};

// A metric over all shards; `label` picks some of its series.
const total = (samples, name, label = "") =>
  samples
    .filter((s) => s.name === name && s.labels.includes(label))
    .reduce((sum, s) => sum + s.value, 0);

test("/metrics needs no token and counts what is open", async () => {
  await withServer({ env: { LIVE_PUSH_TOKEN: "t" } }, async (own) => {
    const open = async (kind) => total(await scrape(own), "livehub_connections", `kind="${kind}"`);
    assert.deepEqual([await open("sse"), await open("websocket")], [0, 0]);
    const clients = [
      await SseClient.open(own),
      await SseClient.open(own),
      await WsClient.open(own),
    ];
    await eventually(async () => (await open("sse")) === 2, "two open streams");
    await eventually(async () => (await open("websocket")) === 1, "one open WebSocket");
    for (const client of clients) client.close();
    await eventually(async () => (await open("sse")) === 0, "no open stream");
    await eventually(async () => (await open("websocket")) === 0, "no open WebSocket");
    assert.equal(total(await scrape(own), "livehub_accepted_total"), 3);
  });
});

test("bad input is counted, each kind for itself", async () => {
  await withServer({ env: { LIVE_PUSH_TOKEN: "t" } }, async (own) => {
    const authorized = { Authorization: "Bearer t" };
    await exchange(own, request("POST", "/api/live/push", {}, "{}"));
    await exchange(own, request("POST", "/api/live/push", authorized, "{bad"));
    await exchange(own, request("GET", "/nowhere"));
    await exchange(own, request("POST", "/api/live/push", authorized, "{}"));
    await exchange(own, "nonsense\r\n\r\n");
    const client = await WsWire.open(own);
    await client.send(opcode.text, "unmasked", { masked: false });
    await client.closeFrame();
    client.destroy();
    await eventually(async () => {
      const samples = await scrape(own);
      const replies = (status) =>
        total(samples, "livehub_http_replies_total", `status="${status}"`);
      return (
        replies(401) === 1 &&
        replies(400) >= 1 &&
        replies(404) === 1 &&
        replies(200) === 1 &&
        total(samples, "livehub_http_bad_total") === 1 &&
        total(samples, "livehub_websocket_bad_total") === 1 &&
        total(samples, "livehub_publishes_total", 'result="accepted"') === 1
      );
    }, "the counters");
  });
});

test("metrics stay right under a scrape in every moment", async () => {
  const client = await SseClient.open(server);
  let scrapes = 0;
  let done = false;
  const scraping = (async () => {
    while (!done) {
      await scrape(server);
      scrapes++;
    }
  })();
  for (let n = 0; n < 100; n++) await push(server, n);
  await client.untilMessages(100);
  done = true;
  await scraping;
  assert.ok(scrapes > 0);
  client.close();
});

test("it listens on both loopbacks and nowhere else", async () => {
  assert.ok(await canConnect("127.0.0.1", server.adminPort));
  const addresses = Object.values(os.networkInterfaces()).flat();
  if (addresses.some((a) => a.address === "::1"))
    assert.ok(await canConnect("::1", server.adminPort));
  const hex = server.adminPort.toString(16).toUpperCase().padStart(4, "0");
  const table = ["/proc/net/tcp", "/proc/net/tcp6"]
    .map((f) => {
      try {
        return readFileSync(f, "latin1");
      } catch {
        return "";
      }
    })
    .join("\n");
  const bound = [...table.matchAll(new RegExp(`: ([0-9A-F]+):${hex} [0-9A-F]+:0000 0A `, "g"))].map(
    (m) => m[1],
  );
  assert.ok(bound.length >= 1);
  for (const address of bound) assert.match(address, /^(0100007F|0{24}01000000)$/);
});

test("ADMIN_HOST moves it", async () => {
  await withServer({ env: { ADMIN_HOST: "127.0.0.2" } }, async (own) => {
    assert.ok(await canConnect("127.0.0.2", own.adminPort));
    assert.equal(await canConnect("127.0.0.1", own.adminPort), false);
  });
});

test("ADMIN_PORT=0 turns it off", async () => {
  await withServer({ adminPort: null, env: { ADMIN_PORT: "0" } }, async (own) => {
    assert.equal(own.adminPort, 0);
    assert.equal((await exchange(own, request("GET", "/_livehub/ready"))).status, 200);
  });
  await withServer({ adminPort: 0 }, async (own) => assert.equal(own.adminPort, 0));
});

test("an admin port that is no port stops the start", async () => {
  const refused = await refusedStart({ adminPort: "70000" });
  assert.match(refused.stderr, /70000/);
});
