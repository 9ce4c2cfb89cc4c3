// The listener: IPv4, IPv6 and none, a port that is taken, the backend and the shards that were
// asked for.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { track } from "./lib/cleanup.mjs";
import { assertJson } from "./lib/contract.mjs";
import { Wire, exchange, request } from "./lib/raw.mjs";
import { push } from "./lib/push.mjs";
import {
  io,
  refusedStart,
  sanitized,
  shards,
  startServer,
  temporaryDirectory,
  withServer,
} from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";

const run = promisify(execFile);
const haveIpv6 = Object.values(os.networkInterfaces())
  .flat()
  .some((a) => a.address === "::1");

function listen(host, port = 0) {
  return new Promise((resolve, reject) => {
    const server = track(net.createServer((socket) => socket.destroy()));
    server.on("error", reject);
    server.listen({ host, port, ipv6Only: true }, () => resolve(server));
  });
}

test("the backend and the number of shards are those that were asked for", async () => {
  await withServer({}, async (server) => {
    const links = readdirSync(`/proc/${server.pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${server.pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
    const wanted = io === "uring" ? "anon_inode:[io_uring]" : "anon_inode:[eventpoll]";
    assert.ok(links.filter((link) => link === wanted).length >= shards, `${io}: ${links}`);
    if (io === "epoll") assert.ok(!links.includes("anon_inode:[io_uring]"));
    // One listener a shard: the kernel shows them as sockets that listen on our port.
    const hex = server.port.toString(16).toUpperCase().padStart(4, "0");
    const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => {
      try {
        return readFileSync(file, "latin1");
      } catch {
        return "";
      }
    });
    const listening = tables
      .join("\n")
      .split("\n")
      .filter((line) => new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex} [0-9A-F]+:0000 0A `).test(line));
    assert.equal(listening.length, shards, listening.join("\n"));
  });
});

test(
  "IPv4 and IPv6 on one port",
  { skip: haveIpv6 ? false : "this machine has no IPv6" },
  async () => {
    await withServer({}, async (server) => {
      const clients = [await SseClient.open(server), await SseClient.open(server, { host: "::1" })];
      for (const client of clients) await client.untilPosition();
      await push(server, "both");
      for (const client of clients) {
        await client.untilMessage('"both"');
        client.close();
      }
    });
  },
);

test("a second instance on the same port is refused with a sentence that names it", async () => {
  const first = await startServer();
  const second = await refusedStart({ port: first.port });
  assert.match(second.stderr, new RegExp(`\\b${first.port}\\b`));
  assert.match(
    second.stderr,
    new RegExp(`livehub.*\\b${first.pid}\\b|\\b${first.pid}\\b.*livehub`),
    "it says which program holds the port",
  );
  // The first one still has all of its clients.
  for (let n = 0; n < 20; n++) assertJson(await exchange(first, request("GET", "/health")), 200);
  await first.stop();
});

for (const [name, host] of [
  ["0.0.0.0", "0.0.0.0"],
  ["[::]", "::"],
  ["127.0.0.1", "127.0.0.1"],
]) {
  const skip = host === "::" && !haveIpv6 ? "this machine has no IPv6" : false;
  test(`a port that another program holds on ${name} stops the start`, { skip }, async () => {
    const holder = await listen(host);
    const { port } = holder.address();
    const refused = await refusedStart({ port });
    assert.match(refused.stderr, new RegExp(`\\b${port}\\b`));
    assert.match(
      refused.stderr,
      new RegExp(`\\b${process.pid}\\b|\\bnode\\b`),
      "it says which program holds it",
    );
    holder.close();
  });
}

test("a busy admin port stops the start too and is named", async () => {
  const holder = await listen("127.0.0.1");
  const refused = await refusedStart({ adminPort: holder.address().port });
  assert.match(refused.stderr, new RegExp(`\\b${holder.address().port}\\b`));
  holder.close();
});

test("a restart on the same port works at once, in spite of TIME_WAIT", async () => {
  let port = 0;
  for (let round = 0; round < 3; round++) {
    await withServer({ port }, async (server) => {
      port = server.port;
      const client = await SseClient.open(server);
      await client.untilPosition();
      client.close();
    });
  }
});

test("no IPv6 address in the network: IPv4 serves", async (t) => {
  let enter;
  try {
    execFileSync("unshare", ["-n", "true"], { stdio: "pipe" });
    enter =
      "ip link set lo up; for f in all default lo; do " +
      'echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done 2>/dev/null; exec "$0" "$@"';
  } catch {
    t.skip("this machine does not let us make a network namespace");
    return;
  }
  await withServer({ wrapper: ["unshare", "-n", "sh", "-c", enter] }, async (server) => {
    const inside = ["-t", String(server.pid), "-n", "curl", "-sS", "-m", "20"];
    const { stdout } = await run("nsenter", [...inside, `http://127.0.0.1:${server.port}/health`]);
    assert.match(stdout, /"ok":true/);
    const admin = await run("nsenter", [...inside, `http://127.0.0.1:${server.adminPort}/ready`]);
    assert.ok(admin.stdout.length > 0);
  });
});

// A kernel without IPv6 cannot be had here; a socket() that says so can.
const noIpv6 = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
int socket(int domain, int type, int protocol) {
  int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
  if (domain == AF_INET6) { errno = EAFNOSUPPORT; return -1; }
  return real(domain, type, protocol);
}`;

test(
  "no IPv6 in the kernel: one line in the log, then 0.0.0.0",
  { skip: sanitized && "preloading and sanitizers" },
  async (t) => {
    const directory = temporaryDirectory(t);
    const source = path.join(directory, "no_ipv6.c");
    const library = path.join(directory, "no_ipv6.so");
    writeFileSync(source, noIpv6);
    execFileSync("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
    await withServer({ env: { LD_PRELOAD: library } }, async (server) => {
      assertJson(await exchange(server, request("GET", "/health")), 200);
      const client = await SseClient.open(server);
      await client.untilPosition();
      await push(server, 4);
      await client.untilMessage("4");
      client.close();
      const lines = server.stderr.split("\n").filter((line) => /IPv6/i.test(line));
      assert.equal(lines.length, 1, server.output);
    });
  },
);

test("clients that come and go leave nothing behind", async () => {
  await withServer({}, async (server) => {
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
    const round = async () => {
      const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.connect(server)));
      await Promise.all(wires.map((wire) => wire.write(request("GET", "/health"))));
      await Promise.all(wires.map((wire) => wire.response()));
      wires.forEach((wire) => wire.destroy());
    };
    await round();
    const before = descriptors();
    for (let n = 0; n < 10; n++) await round();
    const end = Date.now() + 20_000;
    while (descriptors() > before + 5 && Date.now() < end)
      await new Promise((r) => setTimeout(r, 50));
    assert.ok(descriptors() <= before + 55, `${before} descriptors before, ${descriptors()} after`);
  });
});
