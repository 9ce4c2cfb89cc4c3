// The 517 cases of tests/conformance/autobahn_cases.h against the echo endpoint, over sockets.
//
// With one shard, and in make test-full, all rounds of all cases (half a minute); with three
// shards, where each connection has one all the same, 20 of the 1,000 rounds that some cases have.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mustConform } from "./lib/conformance.mjs";
import { full, sanitized, shards, withServer } from "./lib/server.mjs";

test("the 517 Autobahn cases: none failed, none non-strict, none unclean", async () => {
  await withServer({ env: { LIVEHUB_ECHO: "1" } }, async (server) => {
    const whole = full || (shards === 1 && !sanitized);
    const counts = await mustConform("autobahn", server, ...(whole ? [] : ["--rounds-max", "20"]));
    const rounds = whole ? 228_289 : 289 + 228 * 20;
    assert.equal(counts, `517 cases: 517 ok, 0 non-strict, 0 failed, 0 unclean (${rounds} rounds)`);
  });
});
