// Calls of the kernel that fail, with the real kernel behind: the start is refused with a sentence,
// or the hub goes on and at most the connection that was hit ends. A sample: each function once, at
// the start, in a round of work and in the drain; all call sites and errors are `make soak`.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { RunningFaults, describeFault, faultAtStart, record } from "./lib/fault_runs.mjs";
import { FaultTable, errorsOf, shim } from "./lib/faults.mjs";
import { inParallel } from "./lib/patience.mjs";
import { io, temporaryDirectory } from "./lib/server.mjs";
import { skipShims } from "./lib/shims.mjs";

const crowd = 70; // of 64 listeners on, a stream is hot

const oneOfEach = (sites) => [...new Map(sites.map((site) => [site.function, site])).values()];

// At least so much of it must have been reached, or nothing was tried.
function judge(outcomes, least = 0.5) {
  const text = [...outcomes].map(([what, outcome]) => `${what}: ${outcome}`).join("\n");
  assert.doesNotMatch(text, /BROKEN/);
  const reached = [...outcomes.values()].filter((outcome) => outcome !== "not reached");
  assert.ok(reached.length > outcomes.size * least, `too few were reached:\n${text}`);
}

// Several programs at once, each with a table of its own.
async function eachAtStart(t, sites) {
  const outcomes = new Map();
  const directory = temporaryDirectory(t);
  await inParallel(sites.length, 3, async (i) => {
    const table = new FaultTable(path.join(directory, String(i)));
    const [error] = errorsOf[sites[i].function];
    outcomes.set(describeFault(sites[i], error), await faultAtStart(table, {}, sites[i], error));
    table.close();
  });
  return outcomes;
}

describe("a call of the kernel fails once", { skip: skipShims }, () => {
  let sites;
  before(async (t) => {
    assert.ok(shim, "fault_shim.so is not built");
    const table = new FaultTable(path.join(temporaryDirectory({ after }), "record"));
    sites = await record(table, {}, crowd);
    table.close();
  });

  test("at the start: refused with a sentence, or it goes on", async (t) => {
    const chosen = oneOfEach(sites.start);
    assert.ok(chosen.length >= 20, `only ${chosen.length} functions were seen`);
    judge(await eachAtStart(t, chosen));
  });

  for (const [name, error, want, pass = 0] of [
    ["pthread_create", "EAGAIN", /^refused: .*thread/],
    ["memfd_create", "EMFILE", /^refused: .*no memory or descriptors/],
    ["socket", "EMFILE", /^refused: .*out of descriptors/],
    ["operator new", "ENOMEM", /^(refused: |ended with )(out of memory|the sentence on memory)/],
    ...(io === "epoll"
      ? [
          ["epoll_create1", "EMFILE", /^refused: .*descriptors/],
          ["eventfd", "EMFILE", /^refused: .*descriptors/],
          ["epoll_pwait2", "EPERM", /^went on/],
        ]
      : [
          ["io_uring_queue_init_params", "EPERM", /^refused: .*not permitted/],
          ["uring.cancel", "ENOMEM", /^went on/, 2],
        ]),
  ]) {
    test(`armed at the start: ${name} answers ${error}`, async (t) => {
      const table = new FaultTable(path.join(temporaryDirectory(t), "one"));
      // The last site of that name: a shard's rather than the probe's.
      const seen = [...sites.start, ...sites.drain];
      const site = seen.filter((s) => s.function === name).at(-1);
      const outcome = await faultAtStart(table, {}, site, error, { pass });
      table.close();
      assert.match(outcome, want);
    });
  }

  // SO_REUSEADDR alone is for comfort; the probe of io_uring has two more.
  test("at the start: an option of a listener that cannot be had", async (t) => {
    const options = sites.start.filter((s) => s.function === "setsockopt");
    const outcomes = await eachAtStart(t, options);
    judge(outcomes);
    const without = [...outcomes.values()].filter((outcome) => outcome === "went on");
    assert.equal(without.length, io === "epoll" ? 1 : 3, inspect(outcomes));
  });

  test("while it runs: at most the connection that was hit ends", async (t) => {
    const table = new FaultTable(path.join(temporaryDirectory(t), "round"));
    const runs = new RunningFaults(table, {}, crowd);
    const outcomes = new Map();
    for (const site of oneOfEach(sites.round)) {
      for (const error of errorsOf[site.function].slice(0, 2)) {
        outcomes.set(describeFault(site, error), await runs.run(site, error));
      }
    }
    assert.ok(await runs.end(), "the drain after all of them did not end with 0");
    table.close();
    // What a process does once, for its first crowd, is in the record and never comes again.
    judge(outcomes, 0.4);
  });

  test("in the drain: it ends with 0 all the same", async (t) => {
    judge(await eachAtStart(t, oneOfEach(sites.drain)));
  });
});
