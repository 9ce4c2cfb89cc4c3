// `/events/drops`: one list for all clients, made anew when a drop or the index changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf, openEvents, registration, untilEvents, withDrop } from "./lib/drop.mjs";
import { NatsPublisher } from "./lib/nats.mjs";
import { eventually, inParallel } from "./lib/patience.mjs";

const listOf = (client) => eventsOf(client, "drops").at(-1)?.drops.map((drop) => drop.dropId);
const untilList = (client, ids) =>
  client.until((c) => JSON.stringify(listOf(c)) === JSON.stringify(ids), `the list ${ids}`);

test("the list: its phases, its order, its fields; then what changes", async () => {
  await withDrop({}, async ({ server, nats, restate, publisher }) => {
    restate.drop("b", { ...registration, registrationEnd: 2000 });
    const sold = { phase: "purchase", registrationEnd: 1, purchaseEnd: 3000 };
    restate.drop("a", { ...registration, ...sold });
    restate.drop("c", { ...registration, phase: "lottery", registrationEnd: 1000 });
    restate.drop("x", { ...registration, phase: "completed" });
    const first = await openEvents(server, "drops");
    await untilList(first, []);
    for (const id of ["a", "b", "c", "x", "unknown"])
      publisher.publish(`$KV.drops_index.${id}`, "1");
    await untilList(first, ["c", "b", "a"]);
    const [block] = first.blocks.filter((b) => b.event).slice(-1);
    assert.equal(block.event, "drops");
    assert.equal(block.id, undefined);
    const event = JSON.parse(block.data);
    assert.deepEqual(Object.keys(event), ["drops", "serverTime"]);
    assert.deepEqual(event.drops[1], { dropId: "b", ...registration, registrationEnd: 2000 });

    restate.drop("c", { ...registration, phase: "completed" });
    await publisher.send("drop.c.state", { type: "drop" });
    await untilList(first, ["b", "a"]);

    const second = await openEvents(server, "drops");
    await untilList(second, ["b", "a"]);
    publisher.publish("drop.b.state", { type: "drop" });
    await publisher.send("drop.b.state", { type: "drop" });
    await untilEvents(second, "drops", 2);
    assert.deepEqual(await nats.subjects(), ["drop.*.state"]);
    first.close();
    second.close();
    await eventually(async () => (await nats.subjects()).length === 0, "the end of listening");
  });
});

test("one computation for all clients", async () => {
  await withDrop({}, async ({ server, restate, publisher }) => {
    restate.drop("a", registration);
    const first = await openEvents(server, "drops");
    await untilList(first, []);
    await publisher.send("$KV.drops_index.a", "1");
    await untilList(first, ["a"]);
    const clients = [];
    await inParallel(100, 20, async () => clients.push(await openEvents(server, "drops")));
    await Promise.all(clients.map((client) => untilList(client, ["a"])));
    const before = restate.count("Drop/a/getState");
    const seen = clients.map((client) => eventsOf(client, "drops").length);
    for (let n = 0; n < 50; n++) publisher.publish("drop.a.state", { type: "drop" });
    await publisher.flush();
    await Promise.all(clients.map((client, i) => untilEvents(client, "drops", seen[i] + 1)));
    // 50 changes and 101 clients; each computation is one call.
    assert.ok(restate.count("Drop/a/getState") - before < 50);
    assert.ok(before < 100, `${before} calls for 101 connects`);
    for (const client of [first, ...clients]) client.close();
  });
});

test("a drop whose call fails stays as it was; no backend is no empty list", async () => {
  await withDrop({}, async ({ server, restate, publisher }) => {
    publisher.publish("$JS.API.STREAM.CREATE.KV_drops_index", {
      name: "KV_drops_index",
      subjects: ["$KV.drops_index.>"],
      max_msgs_per_subject: 1,
      allow_rollup_hdrs: true,
      discard: "new",
      max_bytes: 10 << 20,
    });
    publisher.publish("$KV.drops_index.a", "1");
    await publisher.send("$KV.drops_index.b", "1");
    const client = await openEvents(server, "drops");
    await eventually(() => restate.count("Drop/a/getState") > 0, "a call");
    restate.drop("a", registration);
    restate.drop("b", registration);
    await publisher.send("drop.a.state", {});
    await untilList(client, ["a", "b"]);
    assert.ok(eventsOf(client, "drops").every((event) => event.drops.length > 0));
    restate.states.delete("Drop/a/getState");
    restate.drop("b", { ...registration, phase: "completed" });
    await publisher.send("drop.b.state", {});
    await untilList(client, ["a"]);
    client.close();
  });
});

test("after a restart of NATS the list goes on, and new drops are in it", async () => {
  await withDrop({}, async ({ server, nats, restate, publisher }) => {
    restate.drop("a", registration);
    restate.drop("b", { ...registration, registrationEnd: 1 });
    const client = await openEvents(server, "drops");
    await untilList(client, []);
    await publisher.send("$KV.drops_index.a", "1");
    await untilList(client, ["a"]);
    await nats.kill();
    const meanwhile = await openEvents(server, "drops");
    await untilList(meanwhile, ["a"]);
    await nats.up();
    const again = await NatsPublisher.connect(nats);
    await eventually(async () => {
      await again.send("$KV.drops_index.b", "1");
      return listOf(client)?.length === 2;
    }, "the new drop");
    await untilList(client, ["b", "a"]);
    await untilList(meanwhile, ["b", "a"]);
    again.close();
    for (const open of [client, meanwhile]) open.close();
  });
});
