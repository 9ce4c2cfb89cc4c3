// Crowds that mean no good: they get what they may, and who means well notices nothing. The long
// forms are `make soak`. (Descriptors that run out: descriptors.test.mjs.)
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  besideHealthy,
  deafPipeline,
  endlessBodies,
  endlessMessages,
  manyFromOne,
  slowHeads,
} from "./lib/hostile.mjs";
import { full, sanitized, withServer } from "./lib/server.mjs";

const bytesEach = 16 * 1024;
const bytesAside = 32 << 20; // what a process takes by itself while a crowd comes and goes

function noticesNothing(outcome, count) {
  assert.equal(outcome.lost, null, `message ${outcome.lost} of ${outcome.pushed} is missing`);
  assert.ok(outcome.pushed > 0, "nothing was pushed meanwhile");
  if (sanitized) return; // its memory is another matter
  assert.ok(outcome.grownBytes < count * bytesEach + bytesAside, `grew by ${outcome.grownBytes}`);
}

describe("hostile crowds", { concurrency: true }, () => {
  test("slow heads are cut after 10 s, all of them", async () => {
    const count = full ? 3000 : 1000;
    await withServer({}, async (server) => {
      const outcome = await besideHealthy(server, () => slowHeads(server, count));
      assert.equal(outcome.cut, count);
      assert.equal(outcome.otherwise, 0, "an answer that is not 408");
      assert.ok(outcome.shortestMs >= 8_000, `cut after ${outcome.shortestMs} ms: it had 10 s`);
      noticesNothing(outcome, count);
    });
  });

  // 80 MB where 32 may be used.
  test("bodies that never end are 503 once the memory is used up", async () => {
    await withServer({ env: { MEMORY_BYTES: "32m" } }, async (server) => {
      const { answers } = await endlessBodies(server, 400, 200_000);
      assert.deepEqual([...answers], ["HTTP/1.1 503"]);
    });
  });

  test("messages that never end are 1013 once the memory is used up", async () => {
    await withServer({ env: { MEMORY_BYTES: "32m", LIVEHUB_ECHO: "1" } }, async (server) => {
      assert.equal((await endlessMessages(server, 400, 200_000)).code, 1013);
    });
  });

  test("who asks without an end and reads nothing is not read from", async () => {
    await withServer({}, async (server) => {
      const outcome = await besideHealthy(server, () => deafPipeline(server, 24 << 20));
      assert.ok(outcome.taken < 24 << 20, `${outcome.taken} bytes of requests were taken`);
      assert.equal(outcome.answered, outcome.asked);
      noticesNothing(outcome, 1);
    });
  });

  test("five hundred of one address at once: as many as may are in", async () => {
    await withServer({ env: { MAX_CONNECTIONS_PER_IP: "100" } }, async (server) => {
      const outcome = await besideHealthy(server, () => manyFromOne(server, 500, "127.0.0.9"));
      assert.equal(outcome.in, 100);
      noticesNothing(outcome, 500);
    });
  });
});
