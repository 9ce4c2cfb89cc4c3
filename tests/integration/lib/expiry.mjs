// A connection that ends with its token: when it did.
import assert from "node:assert/strict";
import { patienceMs } from "./patience.mjs";

const secondsMax = 2; // the promise, where there is no leeway
const slackSeconds = patienceMs / 10_000; // of a busy machine

// `exp` is the token's. What it was is said with --verbose.
export function assertEndedInTime(t, client, exp) {
  const late = client.closedMs / 1000 - exp;
  t.diagnostic(`closed ${late.toFixed(2)} s after the token's end, of ${secondsMax}`);
  assert.ok(late >= 0, `closed ${-late} s before the token's end`);
  assert.ok(late < secondsMax + slackSeconds, `closed ${late} s after the token's end`);
}
