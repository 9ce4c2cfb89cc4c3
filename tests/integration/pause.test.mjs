// The hub stands still (SIGSTOP, a suspended machine, a shared CPU) and goes on: what clients said
// meanwhile is heard before anybody is judged by the time that has passed. Two minutes of it are
// `make soak`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, pauseSettings } from "./lib/pause.mjs";
import { withServer } from "./lib/server.mjs";

test("stopped for 20 s: nobody is taken for dead, nothing is lost", async () => {
  await withServer({ env: pauseSettings }, async (server) => {
    // More than a turn reads.
    const outcome = await pause(server, { asked: 900, sse: 50, ws: 50, seconds: 20 });
    assert.deepEqual(outcome, { closed: 0, incomplete: 0, answers: [200, 200] });
  });
});
