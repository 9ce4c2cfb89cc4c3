// SIGTERM with 5,000 clients while messages go on, on both backends: exit 0 in time, closes over
// the whole of it, everybody told, nothing that was answered with 200 lost.
//
//   make soak            or   node tests/soak/drain.mjs [--clients 5000] [--seconds 10]
//
// The short form is in tests/integration/drain.test.mjs. Ends with 1 if a promise was broken.
import { parseArgs } from "node:util";
import { drainWithCrowd } from "../integration/lib/drain_crowd.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "5000" },
    seconds: { type: "string", default: "10" },
  },
});
const half = Number(values.clients) / 2;
const seconds = Number(values.seconds);
// The hub tells everybody in 0.7 of the time, evenly.
const spanShareLeast = 0.5;
const busiestShareMax = 0.3;
const slackSeconds = 1; // for the processes of a busy machine
const broken = [];

for (const backend of ["uring", "epoll"]) {
  const env = { DRAIN_SECONDS: values.seconds };
  const server = await startServer({ backend, shardCount: 3, env });
  process.on("exit", () => server.kill());
  const found = await drainWithCrowd(server, { sse: half, ws: half, everyMs: 50, seconds });
  console.log(
    `${backend}: ${2 * half} clients gone between ${found.first.toFixed(1)} s and ` +
      `${found.last.toFixed(1)} s of ${seconds} s, code ${found.code} after ` +
      `${found.took.toFixed(1)} s; ${found.untold} not told, ${found.incomplete} lack one of ` +
      `${found.pushed} messages, busiest tenth ${(100 * found.busiestShare).toFixed(0)} %`,
  );
  if (found.code !== 0) broken.push(`${backend}: code ${found.code}`);
  if (found.took > seconds + slackSeconds) broken.push(`${backend}: too late`);
  if (found.spanShare < spanShareLeast) broken.push(`${backend}: all closed in a short time`);
  if (found.untold + found.incomplete > 0) broken.push(`${backend}: not told, or lost`);
  if (found.wrong.length > 0) broken.push(`${backend}: pushes answered with ${found.wrong}`);
  if (found.busiestShare > busiestShareMax) broken.push(`${backend}: many closes at once`);
}
endWithVerdict(broken);
