// The long forms of tests/integration/hostile.test.mjs: crowds again and again for minutes, on both
// backends, with figures and a verdict.
//
//   make soak            or   node tests/soak/hostile.mjs [--clients 3000] [--minutes 10]
//                             [--io uring|epoll]
//
// Ends with 1 if a promise was broken: a slow head that was not cut with 408 or too soon, one too
// many of an address, a healthy client that missed a message, a hub that is busy with those who
// send nothing much, memory that grows too far or does not come down between the rounds, or readers
// whose 99th percentile suffers beside 1,000 slow heads.
import { parseArgs } from "node:util";
import { cpuShare } from "../integration/lib/cpu.mjs";
import {
  besideHealthy,
  manyFromOne,
  residentBytes,
  slowHeads,
} from "../integration/lib/hostile.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { megabytes } from "./lib/peak.mjs";
import { p99OfReaders } from "./lib/readers.mjs";
import { inTurns, judge } from "./lib/turns.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "3000" },
    minutes: { type: "string", default: "10" },
    io: { type: "string" },
  },
});
const clients = Number(values.clients);
const backends = values.io ? [values.io] : ["uring", "epoll"];
const minutes = Number(values.minutes) / backends.length / 2; // of each, two parts
const most = 100; // of an address
const besideCount = 1000; // slow heads beside the readers
const windowSeconds = 5; // within the ten seconds that a head has
const lastedMsLeast = 8_000; // they have ten seconds, and the first byte is on its way
const busyShareMax = 0.2; // of a CPU, with 3,000 bytes a second to read
const grownBytesMax = clients * 16 * 1024 + (32 << 20);
const staysBytesMax = 64 << 20;
const broken = [];
const unjudged = [];

// One round of a crowd of slow heads, and one of an address that opens too many.
async function round(server, name) {
  const whileOpen = () => cpuShare(server.pid, 3);
  const slow = await besideHealthy(server, () => slowHeads(server, clients, { whileOpen }));
  const one = await besideHealthy(server, () => manyFromOne(server, 5 * most, "127.0.0.9"));
  const resident = residentBytes(server.pid);
  console.log(
    `${name}: ${slow.cut} of ${clients} slow heads cut (${slow.answered} with 408), ` +
      `first after ${slow.shortestMs} ms, ${(100 * slow.seen).toFixed(0)} % of a CPU meanwhile; ` +
      `${one.in} of ${5 * most} of one address in; ${slow.pushed + one.pushed} messages beside ` +
      `it; ${megabytes(resident)} resident, at most ${megabytes(slow.grownBytes)} more meanwhile`,
  );
  const found = {
    "slow heads": slow.cut !== clients || slow.answered !== clients,
    "a head was cut too soon": slow.shortestMs < lastedMsLeast,
    "it is busy with slow heads": slow.seen > busyShareMax,
    "it grows too far": slow.grownBytes > grownBytesMax,
    [`${one.in} of one address`]: one.in !== most,
    "a message was missed": slow.lost !== null || one.lost !== null,
  };
  for (const [what, isSo] of Object.entries(found)) if (isSo) broken.push(`${name}: ${what}`);
  return resident;
}

// A hub that is left behind by an error would disturb the next one.
async function withHub(options, body) {
  const server = await startServer(options);
  try {
    await body(server);
    await server.stop();
  } finally {
    server.kill();
  }
}

async function manyRounds(server, backend) {
  const end = Date.now() + minutes * 60_000;
  let first = 0;
  for (let number = 1; number === 1 || Date.now() < end; ++number) {
    const resident = await round(server, `${backend}, round ${number}`);
    first ||= resident;
    if (resident > first + staysBytesMax) broken.push(`${backend}, round ${number}: memory stays`);
  }
}

const crowds = (backend) => {
  const env = { MAX_CONNECTIONS_PER_IP: String(most) };
  return withHub({ backend, env }, (server) => manyRounds(server, backend));
};

const readersBeside = (backend) =>
  withHub({ backend }, (server) => readersInTurns(server, backend));

async function readersInTurns(server, backend) {
  const alone = () => p99OfReaders(server, windowSeconds);
  const beside = async () => {
    const { cut, seen } = await slowHeads(server, besideCount, { whileOpen: alone });
    if (cut !== besideCount) broken.push(`${backend}: ${cut} of ${besideCount} were cut`);
    return seen;
  };
  const { isWorse, isUnclear, text } = judge(await inTurns({ alone, beside, minutes }));
  console.log(`${backend}, readers beside ${besideCount} slow heads: ${text}`);
  if (isWorse) broken.push(`${backend}: the readers waited`);
  if (isUnclear) unjudged.push(`${backend}: the 99th percentile, on a machine as busy as this`);
}

for (const backend of backends) {
  for (const run of [crowds, readersBeside])
    await run(backend).catch((error) => broken.push(`${backend}: ${error.message}`));
}
endWithVerdict(broken, unjudged);
