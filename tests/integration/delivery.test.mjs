// Coming with a position in the middle of many messages, and cuts at any byte: every reader sees
// the one order, each message once. The long form is `make soak`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cutAgainAndAgain, joinInTheMiddle, roomySettings } from "./lib/delivery_runs.mjs";
import { faultsOf } from "./lib/order.mjs";
import { withServer } from "./lib/server.mjs";

const seed = Date.now() % 1_000_000;
const perSecond = 1000;
const none = { lost: 0, doubled: 0, reordered: 0, foreign: 0 };

test("what is lost, doubled, reordered or foreign is seen", () => {
  const expected = [5, 4, 7, 6];
  assert.deepEqual(faultsOf([5, 4, 7, 6], expected), none);
  assert.deepEqual(faultsOf([5, 7, 6], expected), { ...none, lost: 1 });
  assert.deepEqual(faultsOf([5, 4, 4, 7, 6], expected), { ...none, doubled: 1 });
  assert.deepEqual(faultsOf([4, 5, 7, 6], expected), { ...none, reordered: 1 });
  assert.deepEqual(faultsOf([5, 4, 7, 6, 8], expected), { ...none, foreign: 1 });
});

test(`100 come with a position while messages go on (seed ${seed})`, async () => {
  await withServer({ env: roomySettings }, async (server) => {
    const load = { joins: 100, perSecond, backlogMax: 500, followed: 50, seed };
    const { faults, gaps, messages } = await joinInTheMiddle(server, load);
    assert.deepEqual({ ...faults, gaps }, { ...none, gaps: 0 });
    assert.ok(messages >= load.joins * load.followed, `they got ${messages} messages`);
  });
});

test(`200 cuts at any byte, and back with the last id (seed ${seed})`, async () => {
  await withServer({ env: roomySettings }, async (server) => {
    const load = { cuts: 200, clients: 20, perSecond, seed };
    const { faults, gaps, inside } = await cutAgainAndAgain(server, load);
    assert.deepEqual({ ...faults, gaps }, { ...none, gaps: 0 });
    assert.ok(inside > load.cuts / 2, `only ${inside} cuts were inside a message`);
  });
});
