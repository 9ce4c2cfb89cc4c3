// Peers that are gone without a word (no FIN, no RST), by a network of the test's own: freed within
// the promised time, and nobody else notices. The long form is `make soak`.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { FarHost, whyNoFarHost } from "./lib/far_host.mjs";
import { awayFor, vanish } from "./lib/half_open.mjs";
import { full, withServer } from "./lib/server.mjs";

// 45 are promised; the rest is for a machine that has no time. `make soak` judges the 45.
const secondsMax = 55;
const skip = whyNoFarHost() ?? false;
const hosts = [];
const farHost = () => {
  hosts.push(new FarHost());
  return hosts.at(-1);
};
after(() => hosts.forEach((host) => host.remove()));

describe("half-open peers", { skip, concurrency: true }, () => {
  test("with messages on their way: freed, and the others get every one", async () => {
    await withServer({}, async (server) => {
      const load = { sse: 20, ws: 20, pushEveryMs: 100 };
      const { seconds, messages } = await vanish(server, farHost(), load);
      assert.ok(seconds < secondsMax, `freed after ${seconds} s`);
      assert.ok(messages > 100, `only ${messages} messages meanwhile`);
    });
  });

  test("with nothing to send: freed by heartbeat and ping", async () => {
    await withServer({}, async (server) => {
      const { seconds } = await vanish(server, farHost(), { sse: 20, ws: 20 });
      assert.ok(seconds < secondsMax, `freed after ${seconds} s`);
    });
  });

  test("away for ten seconds: they stay, and miss nothing", async () => {
    await withServer({}, async (server) => {
      const outcome = await awayFor(server, farHost(), { sse: 10, ws: 10, seconds: 10 });
      assert.deepEqual(outcome, { ended: 0, missing: 0 });
    });
  });

  test(
    "away for 80 seconds, and nothing was to be said: they stay",
    { skip: full ? false : "make test-full" },
    async () => {
      const env = { PING_SECONDS: "300", HEARTBEAT_SECONDS: "300" };
      await withServer({ env }, async (server) => {
        const away = { sse: 10, ws: 10, seconds: 80, pushEveryMs: 0 };
        assert.deepEqual(await awayFor(server, farHost(), away), { ended: 0, missing: 0 });
      });
    },
  );
});
