// Peers that vanish without FIN or RST, and what becomes of them and of the others. Used by
// half_open.test.mjs and tests/soak/half_open.mjs.
import { metric } from "./metrics.mjs";
import { eventually, patienceMs, sleep } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { SseClient } from "./sse.mjs";
import { WsClient } from "./websocket.mjs";

export const openStreams = (server) => metric(server, "livehub_connections");

// Two who are near and stay; `lost` says what they missed, which must be nothing.
export class Neighbours {
  #pushed = []; // as they come to clients
  #isOver = false;

  static async open(server, everyMs) {
    const neighbours = new Neighbours();
    neighbours.clients = [await SseClient.open(server), await WsClient.open(server)];
    await neighbours.clients[0].untilPosition();
    neighbours.publisher = new Publisher(server, { connections: 1 });
    neighbours.pushing = everyMs ? neighbours.#pushEvery(everyMs) : null;
    return neighbours;
  }

  async push(value) {
    this.#pushed.push(JSON.stringify(value));
    await this.publisher.push(value);
  }

  async #pushEvery(ms) {
    while (!this.#isOver) {
      await this.push(this.#pushed.length);
      await sleep(ms);
    }
  }

  // Ends the pushing; how many messages there were.
  async end() {
    this.#isOver = true;
    await this.pushing;
    if (this.#pushed.length === 0) await this.push(0);
    const last = this.#pushed.at(-1);
    await Promise.all(this.clients.map((client) => client.untilMessage(last)));
    for (const client of this.clients) {
      const wrong = client.messages.findIndex((text, i) => text !== this.#pushed[i]);
      const [got, all] = [client.messages.length, this.#pushed.length];
      if (wrong >= 0 || got !== all) throw new Error(`a neighbour got ${got} of ${all} messages`);
      client.close();
    }
    this.publisher.close();
    return this.#pushed.length;
  }
}

// All clients of a far host vanish at once; the seconds until the hub has let go of the last one,
// and those after which it had not yet. `late`: a message that comes so many seconds later.
export async function vanish(server, host, { sse, ws, pushEveryMs, late }) {
  const neighbours = await Neighbours.open(server, pushEveryMs);
  const far = await host.clients(server, { sse, ws });
  if (pushEveryMs) await far.until((c) => c.messages >= sse + ws, "messages over there");
  const all = sse + ws + neighbours.clients.length;
  await eventually(async () => (await openStreams(server)) === all, `${all} open streams`);
  host.vanish();
  const start = Date.now();
  const left = neighbours.clients.length;
  const sinceStart = () => (Date.now() - start) / 1000;
  const pushing = late && sleep(late.seconds * 1000).then(() => neighbours.push(late.text));
  let secondsHeld = 0;
  const isFreed = async () => {
    const seconds = sinceStart();
    if ((await openStreams(server)) === left) return true;
    secondsHeld = seconds;
    return false;
  };
  const patience = { timeoutMs: 2 * patienceMs, everyMs: 100 };
  await eventually(isFreed, "the dead peers to be freed", patience);
  const seconds = sinceStart();
  await pushing;
  const messages = await neighbours.end();
  far.close();
  host.comeBack();
  return { seconds, secondsHeld, messages };
}

// They are away for a while and come back: nobody is lost, and all get what came meanwhile. With
// pushEveryMs 0 nothing is said until they are back; whoever the hub has given up misses what is
// said then.
export async function awayFor(server, host, { sse, ws, seconds, pushEveryMs = 100 }) {
  const far = await host.clients(server, { sse, ws });
  const all = sse + ws;
  await eventually(async () => (await openStreams(server)) === all, `${all} open streams`);
  const neighbours = await Neighbours.open(server, pushEveryMs);
  if (pushEveryMs) await far.until((c) => c.messages >= all, "messages over there");
  host.vanish();
  await sleep(seconds * 1000);
  host.comeBack();
  const messages = await neighbours.end();
  await far.until((c) => c.ended > 0 || c.messages >= all * messages, "all of them", 60_000);
  return { ended: far.ended, missing: all * messages - far.messages };
}
