// What the tests of profile `drop` share: the program beside its NATS and its backend, and a reader
// of named events.
import { track } from "./cleanup.mjs";
import { NatsPublisher, NatsServer } from "./nats.mjs";
import { Restate } from "./restate.mjs";
import { untilReady, withServer } from "./server.mjs";
import { SseClient } from "./sse.mjs";

export const registration = {
  phase: "registration",
  participantCount: 3,
  totalTickets: 7,
  inventory: 5,
  registrationEnd: 1_800_000_000_000,
};

// Starts all of it; `body` gets {server, nats, restate, publisher}.
export async function withDrop({ env = {}, natsArgs, natsIsUp = true } = {}, body) {
  const nats = await NatsServer.start(natsArgs ? { args: natsArgs } : {});
  if (!natsIsUp) await nats.kill();
  const restate = await Restate.start();
  const publisher = natsIsUp ? await NatsPublisher.connect(nats) : null;
  try {
    const options = {
      profile: "drop",
      env: { NATS_URL: nats.url, RESTATE_INGRESS_URL: restate.url, ...env },
    };
    await withServer(options, async (server) => {
      if (natsIsUp) await untilReady(server);
      await body({ server, nats, restate, publisher });
    });
  } finally {
    publisher?.close();
    nats.close();
    restate.close();
  }
}

export async function openEvents(server, path, options = {}) {
  return track(await SseClient.open(server, { path: `/events/${path}`, ...options }));
}
export const eventsOf = (client, name) =>
  client.blocks.filter((block) => block.event === name).map((block) => JSON.parse(block.data));
export const namesOf = (client) =>
  client.blocks.filter((block) => block.event).map((block) => block.event);
export async function untilEvents(client, name, count = 1) {
  await client.until((c) => eventsOf(c, name).length >= count, `${count} ${name}`);
  return eventsOf(client, name);
}
