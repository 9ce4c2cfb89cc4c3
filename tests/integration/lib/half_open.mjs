// Peers that vanish without FIN or RST, and what becomes of them and of the others. Used by
// half_open.test.mjs and tests/soak/half_open.mjs.
import { eventually, patienceMs, sleep } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { SseClient } from "./sse.mjs";
import { WsClient } from "./websocket.mjs";

export async function openStreams(server) {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  return [...text.matchAll(/^livehub_connections\{[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

// Two who are near and stay; `lost` says what they missed, which must be nothing.
export class Neighbours {
  #pushed = 0;
  #isOver = false;

  static async open(server, everyMs) {
    const neighbours = new Neighbours();
    neighbours.clients = [await SseClient.open(server), await WsClient.open(server)];
    await neighbours.clients[0].untilPosition();
    neighbours.publisher = new Publisher(server, { connections: 1 });
    neighbours.pushing = everyMs ? neighbours.#pushEvery(everyMs) : null;
    return neighbours;
  }

  async #pushEvery(ms) {
    while (!this.#isOver) {
      await this.publisher.push(this.#pushed++);
      await sleep(ms);
    }
  }

  // Ends the pushing; how many messages there were.
  async end() {
    this.#isOver = true;
    await this.pushing;
    if (this.#pushed === 0) await this.publisher.push(this.#pushed++);
    const last = String(this.#pushed - 1);
    await Promise.all(this.clients.map((client) => client.untilMessage(last)));
    for (const client of this.clients) {
      const wrong = client.messages.findIndex((text, i) => text !== String(i));
      if (wrong >= 0 || client.messages.length !== this.#pushed)
        throw new Error(`a neighbour got ${client.messages.length} of ${this.#pushed} messages`);
      client.close();
    }
    this.publisher.close();
    return this.#pushed;
  }
}

// All clients of a far host vanish at once; the seconds until the hub has let go of the last one.
export async function vanish(server, host, { sse, ws, pushEveryMs }) {
  const neighbours = await Neighbours.open(server, pushEveryMs);
  const far = await host.clients(server, { sse, ws });
  if (pushEveryMs) await far.until((c) => c.messages >= sse + ws, "messages over there");
  const all = sse + ws + neighbours.clients.length;
  await eventually(async () => (await openStreams(server)) === all, `${all} open streams`);
  host.vanish();
  const start = Date.now();
  const left = neighbours.clients.length;
  const isFreed = async () => (await openStreams(server)) === left;
  const patience = { timeoutMs: 2 * patienceMs, everyMs: 250 };
  await eventually(isFreed, "the dead peers to be freed", patience);
  const seconds = (Date.now() - start) / 1000;
  const messages = await neighbours.end();
  far.close();
  host.comeBack();
  return { seconds, messages };
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
