// Prints how long it takes until readiness tells the truth about a broker in trouble, and until
// messages are delivered again after its return, beside the targets (15 s and 2 s).
//
//   node tests/tools/broker_times.mjs [redis|nats|postgres ...]     (all)
//
// Redis and NATS stand behind profile live-data, PostgreSQL behind pg-updates, each through a proxy
// that can cut and garble. Times hold only for a quiet machine. Exit status 1: a target is missed.
import { NatsServer } from "../integration/lib/nats.mjs";
import { eventually, sleep } from "../integration/lib/patience.mjs";
import { Browser, settingsFor, user } from "../integration/lib/pg_updates.mjs";
import { Postgres } from "../integration/lib/postgres.mjs";
import { Proxy } from "../integration/lib/proxy.mjs";
import { Publisher } from "../integration/lib/push.mjs";
import { Redis } from "../integration/lib/redis.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { SseClient } from "../integration/lib/sse.mjs";

const redSecondsMax = 15;
const backSecondsMax = 2;
const timeoutMs = 60_000;

// What a row needs of a broker: how to end it and to have it again, how to say something through it
// until it is heard, and who hears it.
const brokers = {
  async redis() {
    const broker = await Redis.start({ args: ["--appendonly", "yes"] });
    const settings = (port) => ({ env: { REDIS_URL: `redis://127.0.0.1:${port}` } });
    const kill = () => broker.kill();
    return { broker, settings, kill, start: () => broker.restart(), end: () => broker.remove() };
  },
  async nats() {
    const broker = await NatsServer.start();
    const settings = (port) => ({ env: { NATS_URL: `nats://127.0.0.1:${port}` } });
    const kill = () => broker.kill();
    return { broker, settings, kill, start: () => broker.up(), end: () => broker.close() };
  },
  async postgres() {
    const broker = await Postgres.start();
    const settings = (port) => settingsFor(broker, { env: { DATABASE_URL: broker.url({ port }) } });
    const kill = () => broker.down("SIGQUIT");
    return { broker, settings, kill, start: () => broker.up(), end: () => broker.end() };
  },
};

async function listen(name, { broker }, hub) {
  if (name !== "postgres") {
    const client = await SseClient.open(hub);
    await client.untilPosition();
    const publisher = new Publisher(hub, { connections: 1 });
    return {
      say: (text) => publisher.post(JSON.stringify(text)).catch(() => {}),
      heard: () => client.messages.map((text) => JSON.parse(text)),
      isGone: () => client.ended || client.cut,
    };
  }
  const browser = await Browser.open(hub, user(1));
  const change = (n) => JSON.stringify({ operation: "UPDATE", data: { n } });
  return {
    say: (text) => broker.notify(`user_usage_${user(1)}`, change(text)).catch(() => {}),
    heard: () => browser.updates.map((update) => update.data.data.n),
    isGone: () => browser.closed !== null,
  };
}

// How a fault begins and ends. `isShort`: it is over when it has begun, and the link may be back
// before anybody sees it red.
const faults = {
  killed: { begin: ({ kill }) => kill(), end: ({ start }) => start() },
  frozen: { begin: ({ broker }) => broker.freeze(), end: ({ broker }) => broker.thaw() },
  "cut in a reply": { isShort: true, begin: (_, proxy) => proxy.cutInReply(), end: () => {} },
  garbage: { begin: (_, proxy) => proxy.garble(), end: (_, proxy) => proxy.mend() },
};

const isReady = async (hub) => (await fetch(`${hub.adminUrl}/ready`)).status === 200;
const secondsSince = (begin) => (performance.now() - begin) / 1000;

async function untilRed(hub) {
  const begin = performance.now();
  await eventually(async () => !(await isReady(hub)), "red readiness", { timeoutMs, everyMs: 5 });
  return secondsSince(begin);
}

async function untilHeard(peer, tag) {
  const begin = performance.now();
  for (let n = 0; ; n++) {
    await peer.say(`${tag} ${n}`);
    if (peer.heard().some((text) => String(text).startsWith(tag))) return secondsSince(begin);
    if (secondsSince(begin) * 1000 > timeoutMs) throw new Error(`${tag}: nothing is delivered`);
    await sleep(10);
  }
}

function print(cells) {
  const widths = [10, 16, 14, 18];
  console.log(cells.map((cell, i) => String(cell).padEnd(widths[i] ?? 0)).join(""));
}

async function measure(name) {
  const place = await brokers[name]();
  const proxy = await Proxy.start(place.broker);
  const hub = await startServer(place.settings(proxy.port));
  let missed = 0;
  try {
    await eventually(() => isReady(hub), "readiness");
    const peer = await listen(name, place, hub);
    await untilHeard(peer, "first");
    for (const [what, fault] of Object.entries(faults)) {
      await fault.begin(place, proxy);
      const red = fault.isShort ? null : await untilRed(hub);
      if (!fault.isShort) await sleep(3000); // long enough for the backoff to be at its most
      await fault.end(place, proxy);
      const back = await untilHeard(peer, what);
      const isMet = (red ?? 0) <= redSecondsMax && back <= backSecondsMax && !peer.isGone();
      if (!isMet) ++missed;
      const verdict = peer.isGone() ? "MISS: the client was dropped" : isMet ? "ok" : "MISS";
      print([name, what, red === null ? "-" : red.toFixed(2), back.toFixed(2), verdict]);
      await eventually(() => isReady(hub), "readiness", { timeoutMs });
    }
  } finally {
    hub.kill();
    await place.end();
  }
  return missed;
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(brokers);
print(["broker", "fault", "red after s", "delivered after s", ""]);
print(["", "target", `<= ${redSecondsMax}`, `<= ${backSecondsMax}`, ""]);
let missed = 0;
for (const name of names) missed += await measure(name);
process.exit(missed > 0 ? 1 : 0);
