// Several processes of profile live-data that share a broker.
import { NatsServer } from "./nats.mjs";
import { range } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { startServer, untilReady, withServers } from "./server.mjs";

// `env` names the broker; body gets the hubs, ready, and a publisher to each.
export async function withCluster(count, env, body) {
  await withServers(
    count,
    () => startServer({ env }),
    async (hubs) => {
      for (const hub of hubs) await untilReady(hub);
      const publishers = hubs.map((hub) => new Publisher(hub, { connections: 1 }));
      await body({ hubs, publishers });
      publishers.forEach((publisher) => publisher.close());
    },
  );
}

export const values = (count, from = 0) => range(count, from).map((n) => JSON.stringify({ n }));

// The same on a nats-server of their own, which the body gets too.
export async function withNatsHubs(count, body, env = {}, natsArgs = ["-js"]) {
  const nats = await NatsServer.start({ args: natsArgs });
  try {
    await withCluster(count, { NATS_URL: nats.url, ...env }, (cluster) =>
      body({ nats, ...cluster }),
    );
  } finally {
    nats.close();
  }
}
