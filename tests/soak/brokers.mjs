// How long it takes until a broker in trouble shows in readiness, in the metric and in the log; and
// from when the broker itself answers again, until readiness is green and clients get what is
// published. Were they told what they may have missed? Every profile on every broker
// (tests/integration/lib/broker_places.mjs), on both backends: seven minutes.
//
//   make soak            or   node tests/soak/brokers.mjs [--io uring|epoll] [place...]
//
// A place is picked by a part of its name. Ends with 1 if a promise was broken.
import { parseArgs } from "node:util";
import { places } from "../integration/lib/broker_places.mjs";
import { hasWarned, linksUp } from "../integration/lib/links.mjs";
import { eventually, sleep } from "../integration/lib/patience.mjs";
import { Proxy } from "../integration/lib/proxy.mjs";
import { isReady } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { io: { type: "string" } },
});
const closeSecondsMax = 1; // seen, where the connection was closed
const silenceSecondsMax = 15; // or where it only says nothing, or nothing that makes sense
const backSecondsMax = 2;
const patience = { timeoutMs: 60_000, everyMs: 5 };
const awayMs = 3000; // long enough for the pauses between attempts to be at their longest

// How a fault begins and ends. Without `secondsMax` it is over when it has begun, and the link may
// be back before anybody sees it red. `empties`: what the broker had is gone. `isOfTheLine`: it
// needs a proxy; all others are tried without one.
const faults = {
  killed: {
    secondsMax: closeSecondsMax,
    begin: ({ broker }) => broker.kill(),
    end: ({ broker }) => broker.start(),
  },
  frozen: {
    secondsMax: silenceSecondsMax,
    begin: ({ broker }) => broker.freeze(),
    end: ({ broker }) => broker.thaw(),
  },
  "back empty": {
    secondsMax: closeSecondsMax,
    needs: "wipe",
    empties: true,
    begin: ({ broker }) => broker.kill(),
    end: async ({ broker }) => {
      await broker.wipe();
      await broker.start();
    },
  },
  terminated: { needs: "terminate", begin: ({ broker }) => broker.terminate(), end: () => {} },
  "cut in a reply": { isOfTheLine: true, begin: ({ proxy }) => proxy.cutInReply(), end: () => {} },
  garbage: {
    isOfTheLine: true,
    secondsMax: silenceSecondsMax,
    begin: ({ proxy }) => proxy.garble(),
    end: ({ proxy }) => proxy.mend(),
  },
};

const secondsSince = (begin) => (performance.now() - begin) / 1000;

// Since `begin`: when readiness was red, and when the metric and the log had every link too.
async function untilTold(hub, begin, logFrom) {
  await eventually(async () => !(await isReady(hub)), "red readiness", patience);
  const red = secondsSince(begin);
  const links = Object.keys(await linksUp(hub)).filter((link) => link !== "nats permissions");
  const isTold = async () => {
    const up = await linksUp(hub);
    return links.every((link) => up[link] === 0 && hasWarned(hub, link, logFrom));
  };
  await eventually(isTold, `metric and log to have ${links}`, patience);
  return { red, told: secondsSince(begin) };
}

// When the broker was asked what it answered: it is there since then at the latest.
async function untilAnswering(broker) {
  let asked;
  const isAnswering = () => ((asked = performance.now()), broker.answers());
  await eventually(isAnswering, "the broker's answer", patience);
  return asked;
}

// Says something again and again until it is heard. `taken` gets what the broker has.
async function untilHeard(peer, tag, taken, begin) {
  for (let n = 0; ; n++) {
    const text = `${tag} ${n}`;
    if (await peer.say(text).catch(() => false)) taken.push(text);
    if (peer.heard().some((each) => each.startsWith(tag))) return secondsSince(begin);
    if (secondsSince(begin) * 1000 > patience.timeoutMs) throw new Error(`${tag}: not delivered`);
    await sleep(10);
  }
}

async function untilGreen(hub, begin) {
  await eventually(() => isReady(hub), "green readiness", patience);
  return secondsSince(begin);
}

// All that the broker took is there, each once, in order.
async function isComplete(peer, taken) {
  const hasAll = () => {
    const heard = new Set(peer.heard());
    return taken.every((text) => heard.has(text));
  };
  await eventually(hasAll, "all of it", { timeoutMs: 5000 }).catch(() => {});
  const isTaken = new Set(taken);
  const heard = peer.heard().filter((text) => isTaken.has(text));
  return heard.length === taken.length && heard.every((text, i) => text === taken[i]);
}

// What is wrong with what clients were told; empty where it is as it must be.
async function clientsTrouble({ place, peer, taken }, fault, toldBefore) {
  if (peer.isGone()) return "the client was dropped";
  if (place.keeps && !(await isComplete(peer, taken))) return "lost, twice or out of order";
  if (place.keeps && !fault.empties)
    return peer.told() === toldBefore ? "" : "a gap although nothing was lost";
  const isTold = () => peer.told() > toldBefore;
  return eventually(isTold, "the gap", { timeoutMs: 10_000 }).then(
    () => "",
    () => "nobody was told",
  );
}

async function meet(scene, what, fault) {
  const { broker, hub, peer, taken } = scene;
  const toldBefore = peer.told();
  const logFrom = hub.stderr.length;
  const begin = performance.now();
  await fault.begin(scene);
  const seen = fault.secondsMax ? await untilTold(hub, begin, logFrom) : null;
  if (seen) await sleep(awayMs);
  await fault.end(scene);
  const since = await untilAnswering(broker);
  const [green, heard] = await Promise.all([
    untilGreen(hub, since),
    untilHeard(peer, what, taken, since),
  ]);
  const misses = [
    seen && seen.red > fault.secondsMax ? "red too late" : "",
    seen && seen.told > fault.secondsMax ? "metric or log too late" : "",
    green > backSecondsMax ? "green too late" : "",
    heard > backSecondsMax ? "delivered too late" : "",
    await clientsTrouble(scene, fault, toldBefore),
  ].filter(Boolean);
  return { seen, green, heard, misses };
}

// --- the table ---

const widths = [26, 16, 10, 18, 9, 13];
const print = (...cells) =>
  console.log(cells.map((cell, i) => String(cell).padEnd(widths[i] ?? 0)).join(""));
const figure = (seconds) => seconds?.toFixed(2) ?? "-";

function printHead(backend) {
  print(`${backend}, after s:`, "", "red", "metric and log", "green", "delivered", "verdict");
  const closed = `<= ${closeSecondsMax}`;
  const silent = `<= ${silenceSecondsMax}`;
  const back = `<= ${backSecondsMax}`;
  print("promised", "killed", closed, closed, back, back);
  print("", "others", silent, silent, back, back);
}

function printRow(name, what, { seen, green, heard, misses }) {
  const verdict = misses.length ? `BROKEN: ${misses.join(", ")}` : "ok";
  print(name, what, figure(seen?.red), figure(seen?.told), figure(green), figure(heard), verdict);
}

// --- all of it ---

const broken = [];

// The faults of one kind, one after the other, with a hub of their own.
async function withHub(name, place, backend, kind, port, proxy) {
  const hub = await place.startHub(port, { backend, shardCount: 3 });
  try {
    await eventually(() => isReady(hub), "readiness", patience);
    const peer = await place.open(hub);
    const scene = { place, broker: place.broker, proxy, hub, peer, taken: [] };
    await untilHeard(peer, "first", scene.taken, performance.now());
    for (const [what, fault] of kind) {
      const row = await meet(scene, what, fault);
      printRow(name, what, row);
      if (row.misses.length) broken.push(`${backend}: ${name}, ${what}`);
      await eventually(() => isReady(hub), "readiness", patience);
    }
    peer.close();
    await hub.stop();
  } catch (error) {
    error.message += `\n${hub.output.slice(-3000)}`;
    throw error;
  } finally {
    hub.kill();
  }
}

async function visit(name, backend) {
  const place = await places[name]();
  try {
    const possible = Object.entries(faults).filter(
      ([, fault]) => !fault.needs || place.broker[fault.needs],
    );
    const direct = possible.filter(([, fault]) => !fault.isOfTheLine);
    await withHub(name, place, backend, direct, place.broker.port);
    const proxy = await Proxy.start(place.broker);
    const onTheLine = possible.filter(([, fault]) => fault.isOfTheLine);
    await withHub(name, place, backend, onTheLine, proxy.port, proxy);
    await proxy.close();
  } finally {
    await place.end();
  }
}

const picked = Object.keys(places).filter(
  (name) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
for (const backend of values.io ? [values.io] : ["uring", "epoll"]) {
  printHead(backend);
  for (const name of picked) {
    await visit(name, backend).catch((error) => {
      console.log(`${name}: BROKEN: ${error.message}`);
      broken.push(`${backend}: ${name}`);
    });
  }
}
endWithVerdict(broken);
