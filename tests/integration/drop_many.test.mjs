// Many `drop` clients in one process, each a user of his own: all get their snapshot and every
// event; what a delivery cost the server is printed. 10,000 of them with --full.
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { cpuSeconds } from "./lib/cpu.mjs";
import { registration, withDrop } from "./lib/drop.mjs";
import { NatsPublisher } from "./lib/nats.mjs";
import { Signal, inParallel, patienceMs, range } from "./lib/patience.mjs";
import { full, io } from "./lib/server.mjs";

// epoll cannot hold more than its descriptors, which this machine may limit.
const count = full && io === "uring" ? 10_000 : 1_000;
const rounds = 20;
const timeoutMs = patienceMs * 4;

// Counts events in what comes, without keeping it.
class Counter {
  users = 0;
  drops = 0;
  over = false;
  #rest = "";

  constructor(port, path, changed, total) {
    this.socket = net.connect(port, "127.0.0.1", () =>
      this.socket.write(`GET ${path} HTTP/1.1\r\nHost: hub.test\r\n\r\n`),
    );
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.over = true;
      total.over++;
      changed.notify();
    });
    this.socket.on("data", (text) => {
      const all = this.#rest + text;
      const end = all.lastIndexOf("\n") + 1;
      for (const line of all.slice(0, end).split("\n")) {
        const kind = { "event: user": "users", "event: drop": "drops" }[line];
        if (!kind) continue;
        this[kind]++;
        total[kind]++;
      }
      this.#rest = all.slice(end);
      changed.notify();
    });
  }
}

test(`${count} clients: snapshots for all, and every event to each`, async () => {
  await withDrop({}, async ({ server, nats, restate, publisher }) => {
    restate.drop("d", registration);
    const changed = new Signal();
    const total = { users: 0, drops: 0, over: 0 };
    const clients = [];
    await inParallel(count, 100, async (i) => {
      restate.user("d", `u${i}`, { status: "registered", tickets: i });
      const client = new Counter(server.port, `/events/d/u${i}`, changed, total);
      clients.push(client);
      await changed.until(() => client.users > 0 || client.over, `the user ${i}`, timeoutMs);
    });
    const all = async (users, drops) => {
      const is = () => total.users >= users * count && total.drops >= drops * count;
      await changed.until(is, () => JSON.stringify(total), timeoutMs);
      assert.ok(clients.every((client) => client.users === users && client.drops === drops));
      assert.equal(total.over, 0);
    };
    await all(1, 0);
    const before = cpuSeconds(server.pid);
    for (const n of range(rounds)) {
      publisher.publish("drop.d.state", { type: "drop", n, ...registration });
      await publisher.flush();
      await all(1, n + 1);
    }
    const us = ((cpuSeconds(server.pid) - before) * 1e6) / (rounds * count);
    console.log(`#drop ${io}: ${count} clients, ${us.toFixed(2)} us of CPU per delivery`);

    await nats.kill();
    await nats.up();
    await all(2, rounds);
    const again = await NatsPublisher.connect(nats);
    await again.send("drop.d.state", { type: "drop" });
    await all(2, rounds + 1);
    again.close();
    assert.equal(clients.length, count);
    for (const client of clients) client.socket.destroy();
  });
});
