// Quiet where all is well: prints what failed and why, and at the end one line of counts for
// run.mjs.
import { inspect } from "node:util";

// The runner's own counts come as diagnostics too.
const runnersOwn = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* reporter(source) {
  const counts = { passed: 0, failed: 0, skipped: [], slowest: [] };
  const verbose = process.env.LIVEHUB_TEST_VERBOSE === "1";
  for await (const { type, data } of source) {
    if (type === "test:diagnostic" && verbose && !runnersOwn.test(data.message))
      yield `  ${data.message}\n`;
    if (type !== "test:pass" && type !== "test:fail") continue;
    // A suite speaks by its tests, but for one that is skipped as a whole: of that nobody hears.
    const isSkipped = data.skip !== undefined && data.skip !== false;
    if (data.details?.type === "suite" && type === "test:pass" && !isSkipped) continue;
    const ms = Math.round(data.details?.duration_ms ?? 0);
    if (type === "test:fail") {
      // A suite fails because of its tests, which were counted; its own hooks are another matter.
      const error = data.details.error;
      const inner = data.details?.type === "suite" && error?.failureType === "subtestsFailed";
      if (inner) continue;
      counts.failed++;
      yield `  FAILED (${ms} ms): ${data.name}\n${indented(describe(error))}\n`;
    } else if (isSkipped) {
      counts.skipped.push(`${data.name}: ${data.skip === true ? "no reason given" : data.skip}`);
    } else {
      counts.passed++;
      if (verbose) yield `  passed (${ms} ms): ${data.name}\n`;
    }
    counts.slowest.push([ms, data.name]);
  }
  counts.slowest = counts.slowest.sort((a, b) => b[0] - a[0]).slice(0, 3);
  yield `\n#counts ${JSON.stringify(counts)}\n`;
}

function describe(error) {
  const cause = error?.cause instanceof Error ? error.cause : error;
  const text = cause?.stack ?? inspect(cause);
  const deeper = cause?.cause ? `\ncaused by ${cause.cause.stack ?? inspect(cause.cause)}` : "";
  return (text + deeper).slice(0, 8000);
}

const indented = (text) =>
  text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
