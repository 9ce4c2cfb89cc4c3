// A hub whose broker has nothing to say sleeps. What is due and never done keeps a thread awake for
// ever, and no message shows it: the CPU time does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withChat } from "./lib/chat.mjs";
import { cpuShare } from "./lib/cpu.mjs";
import { withDrop } from "./lib/drop.mjs";
import { sleep } from "./lib/patience.mjs";
import { startHub } from "./lib/pg_updates.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { withServer } from "./lib/server.mjs";
import { withSignals } from "./lib/signals.mjs";

const settledMs = 6_500; // beyond the probes after the start and the first proof of life
const watchedSeconds = 2;
const awakeShare = 0.25; // of one CPU; a thread that never sleeps takes all that it can get

async function assertSleeps(server) {
  await sleep(settledMs);
  const share = await cpuShare(server.child.pid, watchedSeconds);
  assert.ok(share < awakeShare, `${(100 * share).toFixed(0)} % of a CPU`);
}

test("idle hubs sleep, whatever their broker", { concurrency: true }, async (t) => {
  const each = (name, body) => t.test(name, body);
  await Promise.all([
    each("live-data", () => withServer({}, assertSleeps)),
    each("chat", () => withChat({}, ({ hubs }) => assertSleeps(hubs[0]))),
    each("signals", () => withSignals(({ hub }) => assertSleeps(hub))),
    each("drop", () => withDrop({}, ({ server }) => assertSleeps(server))),
    each("pg-updates, three of them", async () => {
      const postgres = await Postgres.start();
      const hubs = [];
      try {
        for (let n = 0; n < 3; n++) hubs.push(await startHub(postgres));
        await Promise.all(hubs.map(assertSleeps));
      } finally {
        for (const hub of hubs) await hub.stop();
        await postgres.end();
      }
    }),
  ]);
});
