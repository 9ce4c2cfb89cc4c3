// Readers who come in the middle of a torrent of messages with a position, and readers who are cut
// off again and again: what each of them lacks, has twice or in another order. Used by
// delivery.test.mjs and tests/soak/delivery.mjs.
import { Reader, Seen, faultsOf, sumOf } from "./order.mjs";
import { inParallel, range, sleep } from "./patience.mjs";
import { seededRandom } from "./random.mjs";
import { Torrent } from "./torrent.mjs";

// Nobody here is to be a slow reader, nor to come back too late: this process does all of it.
export const roomySettings = {
  HISTORY_COUNT: "1000000",
  HISTORY_BYTES: "256m",
  RING_BYTES: "16m",
  MEMORY_BYTES: "1g",
};
const behindMax = 20_000; // messages that are on their way to the witness

// Runs `body` while messages go on; one witness has seen all of them.
async function withTorrent(server, perSecond, body) {
  const all = new Seen();
  const witness = new Reader(server, "sse", all);
  await witness.until(() => all.position, "a position");
  const isPaused = () => torrent.accepted - all.numbers.length > behindMax;
  const torrent = new Torrent(server, { perSecond, isPaused });
  const stop = async () => {
    const { pushed, perSecond: rate } = await torrent.stop();
    await witness.until(() => all.numbers.length >= pushed, `${pushed} messages`);
    return { pushed, rate };
  };
  try {
    const outcome = await body({ torrent, witness, all, stop });
    return { ...outcome, faults: sumOf([torrent.faultsOf(all.numbers), outcome.faults]) };
  } finally {
    torrent.end();
    witness.cut();
  }
}

// Who is away for a moment of up to `backlogMax` messages, comes with that position, and stays
// until it has all of them and `followed` more. `joins` of them, `width` at a time.
export function joinInTheMiddle(server, load) {
  const { joins, perSecond, backlogMax, followed, seed, width = 4 } = load;
  return withTorrent(server, perSecond, async ({ torrent, witness, all, stop }) => {
    const joined = [];
    const join = async (n) => {
      const back = Math.floor(seededRandom(seed + n)() * backlogMax);
      const from = all.numbers.length - back;
      const seen = new Seen();
      seen.position = all.ids[from - 1];
      const reader = new Reader(server, n % 2 ? "ws" : "sse", seen);
      await reader.until(() => reader.isOpen, "an answer");
      const wanted = all.numbers.length - from + followed;
      await reader.until(() => seen.numbers.length >= wanted, `${wanted} messages`);
      reader.cut();
      joined.push({ from, seen });
    };
    torrent.start();
    await witness.until(() => all.numbers.length > backlogMax, "the first messages");
    await inParallel(joins, width, join);
    const { pushed, rate } = await stop();
    const faults = joined.map(({ from, seen: { numbers } }) =>
      faultsOf(numbers, all.numbers.slice(from, from + numbers.length)),
    );
    const gaps = joined.reduce((sum, { seen }) => sum + seen.gaps, 0);
    const messages = joined.reduce((sum, { seen }) => sum + seen.numbers.length, 0);
    return { joins: joined.length, pushed, rate, messages, gaps, faults: sumOf(faults) };
  });
}

const awayMsMax = 50;
// How much somebody reads before the next cut: some do not get as far as an answer.
const bytesOf = (random) => 1 + Math.floor(random() * (random() < 0.1 ? 300 : 16_000));

// `clients` readers, half of them WebSockets, are cut off at any byte and come back a moment later
// with the last id that they have, `cuts` times in all.
export function cutAgainAndAgain(server, { cuts, clients, perSecond, seed }) {
  return withTorrent(server, perSecond, async ({ torrent, all, stop }) => {
    const crowd = range(clients).map((n) => ({ kind: n % 2 ? "ws" : "sse", seen: new Seen() }));
    const open = (client, options) => new Reader(server, client.kind, client.seen, options);
    const first = crowd.map((client) => open(client));
    await Promise.all(first.map((reader) => reader.until(() => reader.isOpen, "an answer")));
    torrent.start();
    // A WebSocket has a position from its first message on.
    await Promise.all(first.map((reader) => reader.until((seen) => seen.numbers.length, "one")));
    first.forEach((reader) => reader.cut());
    let [begun, inside] = [0, 0];
    const cutOften = async (client, n) => {
      const random = seededRandom(seed + n);
      while (begun++ < cuts) {
        const reader = open(client, { bytesMax: bytesOf(random), resets: random() < 0.5 });
        await reader.untilCut();
        if (reader.isInside) inside++;
        await sleep(random() * awayMsMax);
      }
    };
    await Promise.all(crowd.map(cutOften));
    const { pushed, rate } = await stop();
    const newest = all.numbers.at(-1);
    await inParallel(clients, 10, async (n) => {
      const reader = open(crowd[n]);
      await reader.until(({ numbers }) => numbers.at(-1) === newest, "the newest message");
      reader.cut();
    });
    const faults = sumOf(crowd.map(({ seen }) => faultsOf(seen.numbers, all.numbers)));
    const gaps = crowd.reduce((sum, { seen }) => sum + seen.gaps, 0);
    return { cuts, inside, pushed, rate, gaps, faults };
  });
}
