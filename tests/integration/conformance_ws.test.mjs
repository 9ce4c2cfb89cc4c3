// The 517 cases of tests/conformance/autobahn_cases.h against the echo endpoint, over sockets.
//
// With one shard, and in make test-full, all rounds of all cases (half a minute); with three
// shards, where each connection has one all the same, 20 of the 1,000 rounds that some cases have.
// Sections 12 and 13 offer compression: they run once declined and once more, where COMPRESSION is
// on, agreed to (but for 13.3 and 13.5, which want a smaller window and are declined).
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

test("sections 12 and 13 with compression agreed to, and the others beside it", async () => {
  const env = { LIVEHUB_ECHO: "1", COMPRESSION: "websocket" };
  await withServer({ env }, async (server) => {
    const rounds = full ? 1000 : 20;
    const most = ["--rounds-max", String(rounds)];
    const counts = await mustConform("autobahn", server, "--deflate", ...most);
    const all = 289 + 228 * rounds;
    assert.equal(counts, `517 cases: 517 ok, 0 non-strict, 0 failed, 0 unclean (${all} rounds)`);
  });
});
