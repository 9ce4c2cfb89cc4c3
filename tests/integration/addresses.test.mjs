// Limits per address and trusted proxies. Linux takes any of 127.0.0.0/8 as a source, so one
// machine has addresses enough: .1 is a visitor, 127.1.0.0/16 are the proxies.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { metric } from "./lib/metrics.mjs";
import { eventually, inParallel, range } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { Wire, request } from "./lib/raw.mjs";
import { refusedStart, withServer } from "./lib/server.mjs";

const proxies = "127.1.0.0/16";
const proxy = "127.1.0.1";
const upgrade = (fields = {}) =>
  request("GET", "/api/live/ws", {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
  });

// A stream that is open: its head has come. The caller looks at the rest.
async function stream(server, from, fields = {}) {
  const wire = await Wire.connect(server, { from });
  await wire.write(request("GET", "/api/live", fields));
  wire.head1 = await wire.head();
  return wire;
}

const lives = async (server, wire, name) => {
  await push(server, name);
  await wire.until((w) => w.bytes.includes(`"${name}"`) || w.over, `message ${name}`);
  return wire.bytes.includes(`"${name}"`);
};

describe("addresses", { concurrency: true }, () => {
  test("a proxy's own request is not that of who came before it on its connection", async () => {
    const env = { MAX_CONNECTIONS_PER_IP: "1", TRUSTED_PROXIES: proxies };
    await withServer({ env }, async (server) => {
      const visitor = { "X-Forwarded-For": "203.0.113.9" };
      const wire = await Wire.connect(server, { from: proxy });
      await wire.write(request("GET", "/health", visitor));
      assert.equal((await wire.response()).status, 200);
      await wire.write(request("GET", "/api/live"));
      assert.equal((await wire.head()).status, 200);
      const own = await stream(server, proxy, visitor);
      assert.ok((await lives(server, own, "first")) && (await lives(server, wire, "second")));
      own.destroy();
      wire.destroy();
    });
  });

  test("MAX_CONNECTIONS_PER_IP holds over all shards, and a place is free again", async () => {
    const env = { MAX_CONNECTIONS_PER_IP: "8" };
    await withServer({ env }, async (server) => {
      const from = "127.0.0.5";
      const open = [];
      for (const _ of range(8)) open.push(await stream(server, from));
      for (const wire of open) assert.equal(wire.head1.status, 200);
      // A reset before a byte: what an EventSource comes back after.
      await inParallel(20, 20, async () => {
        const wire = await Wire.connect(server, { from }).catch(() => null);
        await wire?.write(request("GET", "/health"));
        await wire?.until((w) => w.over, "its end");
        assert.equal(wire?.received ?? 0, 0);
      });
      assert.equal(await metric(server, "livehub_address_too_many_total"), 20);
      const other = await stream(server, "127.0.0.6");
      assert.equal(other.head1.status, 200, "another address has limits of its own");
      for (const wire of [...open, other]) assert.ok(await lives(server, wire, "all"));
      open.pop().destroy();
      await eventually(async () => {
        const again = await stream(server, from).catch(() => null);
        return again?.head1?.status === 200;
      }, "the place that is free");
      const closed = await (await fetch(`${server.adminUrl}/debug/ended?limit=100`)).json();
      const causes = JSON.stringify(closed);
      assert.ok(causes.includes("too many of address") && causes.includes(from), causes);
    });
  });

  test("CONNECT_RATE_PER_IP: a minute's worth at once, then no more", async () => {
    await withServer({ env: { CONNECT_RATE_PER_IP: "5" } }, async (server) => {
      const answers = [];
      for (const _ of range(8)) {
        const wire = await Wire.connect(server, { from: "127.0.0.5" }).catch(() => null);
        await wire?.write(request("GET", "/health"));
        answers.push((await wire?.head().catch(() => null))?.status ?? 0);
        wire?.destroy();
      }
      assert.deepEqual(answers, [200, 200, 200, 200, 200, 0, 0, 0]);
      assert.equal(await metric(server, "livehub_address_too_fast_total"), 3);
    });
  });

  test("PER_IP_MODE=count lets everybody in and counts", async () => {
    const env = { MAX_CONNECTIONS_PER_IP: "2", PER_IP_MODE: "count" };
    await withServer({ env }, async (server) => {
      const open = [];
      for (const _ of range(5)) open.push(await stream(server, "127.0.0.5"));
      for (const wire of open) assert.equal(wire.head1?.status, 200);
      assert.equal(await metric(server, "livehub_address_too_many_total"), 3);
    });
  });

  test("behind a trusted proxy: a stream is ended cleanly, a WebSocket gets 429", async () => {
    const env = { MAX_CONNECTIONS_PER_IP: "2", TRUSTED_PROXIES: proxies };
    await withServer({ env }, async (server) => {
      const of = (client) => ({ "X-Forwarded-For": `203.0.113.9, ${client}, 127.1.2.3` });
      const open = [];
      for (const _ of range(2)) open.push(await stream(server, proxy, of("198.51.100.1")));
      const third = await stream(server, proxy, of("198.51.100.1"));
      assert.equal(third.head1.status, 200, "an EventSource never returns after another status");
      await third.until((w) => w.over, "its end");
      const [, ms] = /retry: (\d+)\n\n/.exec(third.bytes.toString("latin1"));
      assert.ok(Number(ms) >= 10_000, `retry after ${ms} ms`);
      assert.ok(third.bytes.toString("latin1").endsWith("0\r\n\r\n"), "a clean end");

      const socket = await Wire.connect(server, { from: proxy });
      await socket.write(upgrade(of("198.51.100.1")));
      const refusal = await socket.response();
      assert.equal(refusal.status, 429);
      assert.ok(Number(refusal.get("retry-after")) > 0);

      // Requests that end have no limit, and other clients have their own.
      const plain = await Wire.connect(server, { from: proxy });
      for (const _ of range(5)) {
        await plain.write(request("GET", "/health", of("198.51.100.1")));
        assert.equal((await plain.response()).status, 200);
      }
      open.push(await stream(server, proxy, of("198.51.100.2")));
      for (const wire of open) assert.ok(await lives(server, wire, "behind"));
      assert.equal(await metric(server, "livehub_address_too_many_total"), 2);

      const { connections } = await (await fetch(`${server.adminUrl}/debug/connections`)).json();
      const addresses = connections.filter((one) => one.kind === "sse").map((one) => one.address);
      assert.deepEqual(addresses.sort(), ["198.51.100.1", "198.51.100.1", "198.51.100.2"]);
    });
  });

  test("nobody else's word is believed, and a proxy's own connections have no limit", async () => {
    const env = { MAX_CONNECTIONS_PER_IP: "2", TRUSTED_PROXIES: proxies };
    await withServer({ env }, async (server) => {
      const liar = (number) => ({
        "X-Forwarded-For": `198.51.100.${number}`,
        "Fly-Client-IP": `198.51.100.${number}`,
      });
      const open = [];
      for (const i of range(2)) open.push(await stream(server, "127.0.0.7", liar(i)));
      const third = await stream(server, "127.0.0.7", liar(9)).catch(() => null);
      assert.ok(!third?.head1, "three of one address, whatever they say");
      // A proxy that says nothing of a client, or nothing that can be read.
      for (const fields of [{}, {}, {}, { "X-Forwarded-For": "unknown" }]) {
        assert.equal((await stream(server, proxy, fields)).head1.status, 200);
      }
      // Fly's field is the client's own where there is no Fly.
      for (const i of range(3)) {
        const spoofed = { "Fly-Client-IP": `192.0.2.${i}`, "X-Forwarded-For": "198.51.100.1" };
        const wire = await stream(server, proxy, spoofed);
        if (i === 2) await wire.until((w) => w.over, "the third's end");
        else assert.equal(wire.head1.status, 200);
      }
    });
  });

  test("on Fly its own field counts; TRUSTED_PROXIES=none believes nobody", async () => {
    const fly = { FLY_APP_NAME: "app", MAX_CONNECTIONS_PER_IP: "1" };
    await withServer({ env: { ...fly, TRUSTED_PROXIES: proxies } }, async (server) => {
      const fields = { "Fly-Client-IP": "2001:db8::1", "X-Forwarded-For": "198.51.100.1" };
      assert.equal((await stream(server, proxy, fields)).head1.status, 200);
      const text = await (await fetch(`${server.adminUrl}/debug/connections`)).text();
      assert.ok(text.includes('"2001:db8::1"'), text);
      // All of a /64 is one customer.
      const second = await stream(server, proxy, { "Fly-Client-IP": "2001:db8::2" });
      await second.until((w) => w.over, "its end");
    });
    await withServer({ env: { ...fly, TRUSTED_PROXIES: "none" } }, async (server) => {
      const first = await stream(server, proxy, { "X-Forwarded-For": "198.51.100.1" });
      assert.equal(first.head1.status, 200);
      const other = { "X-Forwarded-For": "198.51.100.2" };
      const second = await stream(server, proxy, other).catch(() => null);
      assert.ok(!second?.head1, "two of the same peer");
    });
  });

  test("bad settings stop the start with a sentence", async () => {
    for (const [env, sentence] of [
      [{ TRUSTED_PROXIES: "10.0.0.1/8" }, /TRUSTED_PROXIES .*no bits behind its prefix/],
      [{ TRUSTED_PROXIES: "proxy.example" }, /TRUSTED_PROXIES .*as in 10\.0\.0\.0\/8/],
      [{ MAX_CONNECTIONS_PER_IP: "-1" }, /MAX_CONNECTIONS_PER_IP .*whole number/],
      [{ CONNECT_RATE_PER_IP: "many" }, /CONNECT_RATE_PER_IP .*whole number/],
      [{ PER_IP_MODE: "off" }, /PER_IP_MODE .*enforce or count/],
    ]) {
      const server = await refusedStart({ env });
      assert.match(server.output, sentence);
    }
  });
});
