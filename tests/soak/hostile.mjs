// The long forms of tests/integration/hostile.test.mjs: crowds again and again for minutes, with
// figures and a verdict.
//
//   make soak            or   node tests/soak/hostile.mjs [--clients 3000] [--minutes 10]
//
// Ends with 1 if a promise was broken: a slow head that was not cut, one too many of an address, a
// healthy client that missed a message, or memory that does not come down between the rounds.
import { parseArgs } from "node:util";
import {
  besideHealthy,
  manyFromOne,
  residentBytes,
  slowHeads,
} from "../integration/lib/hostile.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "3000" },
    minutes: { type: "string", default: "10" },
  },
});
const clients = Number(values.clients);
const most = 100;
const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;
const broken = [];

const server = await startServer({ env: { MAX_CONNECTIONS_PER_IP: String(most) } });
const end = Date.now() + Number(values.minutes) * 60_000;
// An error of this script itself must not leave the server behind.
process.on("uncaughtExceptionMonitor", () => server.kill());
let first = 0;
for (let round = 1; round === 1 || Date.now() < end; ++round) {
  const slow = await besideHealthy(server, () => slowHeads(server, clients));
  const one = await besideHealthy(server, () => manyFromOne(server, 5 * most, "127.0.0.9"));
  const resident = residentBytes(server.pid);
  first ||= resident;
  console.log(
    `round ${round}: ${slow.cut} of ${clients} slow heads cut (${slow.answered} with 408), ` +
      `first after ${slow.shortestMs} ms; ${one.in} of ${5 * most} of one address in; ` +
      `${slow.pushed + one.pushed} messages beside it; ${megabytes(resident)} resident, ` +
      `at most ${megabytes(slow.grownBytes)} more meanwhile`,
  );
  if (slow.cut !== clients || slow.otherwise > 0) broken.push(`round ${round}: slow heads`);
  if (one.in !== most) broken.push(`round ${round}: ${one.in} of one address`);
  for (const lost of [slow.lost, one.lost]) {
    if (lost !== null) broken.push(`round ${round}: message ${lost} was missed`);
  }
  if (resident > first + (64 << 20)) broken.push(`round ${round}: memory stays`);
}
await server.stop();
endWithVerdict(broken);
