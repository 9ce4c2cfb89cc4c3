// The long form of tests/integration/half_open.test.mjs: hundreds of peers vanish at once, with
// messages on their way, without, and with a large one that comes before they are asked whether
// they live, or behind that; on both backends. How long until the hub has let go of all?
//
//   make soak            or   node tests/soak/half_open.mjs [--clients 300]
//
// Ends with 1 if it took longer than promised, or a neighbour missed a message.
import { parseArgs } from "node:util";
import { FarHost, whyNoFarHost } from "../integration/lib/far_host.mjs";
import { awayFor, vanish } from "../integration/lib/half_open.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endNotRun, endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({ options: { clients: { type: "string", default: "300" } } });
const each = Number(values.clients) / 2;
const secondsMax = 45;
// More than the kernel takes for who does not answer, so that no ping can be sent behind it: just
// before the hub would have asked, which it does after 15 s, and while it waits for the answer.
const text = "x".repeat(200_000);
const why = whyNoFarHost();
if (why) endNotRun(why);
const broken = [];

async function withHub(io, what, body) {
  const server = await startServer({ backend: io, shardCount: 3 });
  const host = new FarHost();
  try {
    const { figures, isFine } = await body(server, host);
    console.log(`${io}, ${what}: ${figures}${isFine ? "" : " BROKEN"}`);
    if (!isFine) broken.push(`${io}, ${what}`);
    await server.stop();
  } catch (error) {
    console.log(`${io}, ${what}: BROKEN: ${error.message}`);
    broken.push(`${io}, ${what}`);
    server.kill();
  } finally {
    host.remove();
  }
}

async function vanishing(io, what, how = {}) {
  await withHub(io, what, async (server, host) => {
    const load = { sse: each, ws: each, ...how };
    const { seconds, secondsHeld, messages } = await vanish(server, host, load);
    const figures = `${2 * each} freed in ${seconds.toFixed(1)} s, ${messages} messages beside it`;
    return { figures, isFine: secondsHeld <= secondsMax };
  });
}

async function returning(io) {
  await withHub(io, "away for 20 s", async (server, host) => {
    const load = { sse: each, ws: each, seconds: 20 };
    const { ended, missing } = await awayFor(server, host, load);
    const figures = `${ended} of ${2 * each} ended, ${missing} messages missing`;
    return { figures, isFine: ended === 0 && missing === 0 };
  });
}

for (const io of ["uring", "epoll"]) {
  await Promise.all([
    vanishing(io, "messages on their way", { pushEveryMs: 100 }),
    vanishing(io, "nothing to send"),
    vanishing(io, "a large message after 13 s", { late: { seconds: 13, text } }),
    vanishing(io, "a large message after 23 s", { late: { seconds: 23, text } }),
    returning(io),
  ]);
}
endWithVerdict(broken);
