// Every profile on every broker that it takes, for tests/soak/brokers.mjs. A place has
//   broker   the server: kill, start, freeze, thaw, answers (a question of our own), and where that
//            makes a difference wipe (what it has stored) and terminate (our connections)
//   keeps    whether it has what came while we were away: then nothing may be missed
//   startHub on the broker's port, or on that of a proxy to it
//   open     a peer there: say() to all (true: the broker has it), what it heard, how often it was
//            told that something may be missing, and whether it was dropped
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { Backend, ChatClient, startChat } from "./chat.mjs";
import { eventsOf, openEvents, registration, untilEvents } from "./drop.mjs";
import { NatsPublisher, NatsServer } from "./nats.mjs";
import { sleep } from "./patience.mjs";
import { Browser, startHub as startUpdates, user } from "./pg_updates.mjs";
import { Postgres, Session, notification } from "./postgres.mjs";
import { Publisher } from "./push.mjs";
import { Redis } from "./redis.mjs";
import { Restate } from "./restate.mjs";
import { binary, startServer } from "./server.mjs";
import { addSignal, openStream, signalsOf } from "./signals.mjs";
import { SseClient } from "./sse.mjs";

const local = (scheme, port) => `${scheme}://127.0.0.1:${port}`;
const isGone = (client) => () => Boolean(client.ended || client.cut || client.closed);

// What each of their servers can do.
const controls = (server) => ({
  ...{ server, port: server.port },
  kill: () => server.kill(),
  freeze: () => server.freeze(),
  thaw: () => server.thaw(),
});

async function redisBroker() {
  const server = await Redis.start({ args: ["--appendonly", "yes"] });
  const stored = path.join(server.directory, "appendonlydir");
  return {
    ...controls(server),
    start: () => server.restart(),
    answers: async () => (await server.command("PING")) === "PONG",
    wipe: () => rmSync(stored, { recursive: true }),
    end: () => server.remove(),
  };
}

async function natsBroker() {
  const server = await NatsServer.start();
  const stored = path.join(server.directory, "jetstream");
  return {
    ...controls(server),
    start: () => server.up(),
    answers: async () => {
      (await NatsPublisher.connect(server)).close(); // by a PING
      return true;
    },
    wipe: async () => {
      await sleep(1100); // positions have a stream's birth in whole seconds
      rmSync(stored, { recursive: true });
    },
    end: () => server.close(),
  };
}

async function postgresBroker() {
  const server = await Postgres.start();
  return {
    ...controls(server),
    start: () => server.up(),
    answers: async () => (await server.sql("SELECT 1")) === "1",
    terminate: () => server.terminateOurs(),
    end: () => server.end(),
  };
}

// --- the profiles ---

async function liveData(broker, scheme, setting) {
  return {
    ...{ broker, keeps: true },
    startHub: (port, options) =>
      startServer({ env: { [setting]: local(scheme, port) }, ...options }),
    async open(hub) {
      const client = await SseClient.open(hub);
      await client.untilPosition();
      const publisher = new Publisher(hub, { connections: 1 });
      const push = (text) => publisher.post(JSON.stringify(text)).catch(() => ({}));
      return {
        say: async (text) => (await push(text)).status === 200,
        heard: () => client.messages.map((text) => JSON.parse(text)),
        told: () => client.gaps.length,
        isGone: isGone(client),
        close: () => (client.close(), publisher.close()),
      };
    },
    end: () => broker.end(),
  };
}

async function chat() {
  const { wipe, ...broker } = await redisBroker(); // which stores nothing of ours
  const backend = await Backend.start();
  const publish = (text) =>
    broker.server.command("PUBLISH", "chat:room", JSON.stringify({ type: "note", text }));
  return {
    ...{ broker, keeps: false },
    startHub: (port, options) => startChat({ url: local("redis", port) }, backend, options),
    async open(hub) {
      const client = await ChatClient.join(hub, "room", "ann");
      return {
        say: async (text) => (await publish(text)) > 0,
        heard: () => client.of("note").map((frame) => frame.text),
        told: () => client.of("gap").length,
        isGone: isGone(client),
        close: () => client.close(),
      };
    },
    end: () => (broker.end(), backend.stop()),
  };
}

async function signals() {
  const broker = await redisBroker();
  return {
    ...{ broker, keeps: true },
    startHub: (port, options) =>
      startServer({ profile: "signals", env: { REDIS_URL: local("redis", port) }, ...options }),
    async open(hub) {
      const client = await openStream(hub);
      return {
        say: async (id) => Boolean(await addSignal(broker.server, 0, { id })),
        heard: () => signalsOf(client).map(({ id }) => id),
        told: () => client.gaps.length,
        isGone: isGone(client),
        close: () => client.close(),
      };
    },
    end: () => broker.end(),
  };
}

async function drop() {
  const { wipe, ...broker } = await natsBroker(); // the list of drops is not looked at
  const restate = await Restate.start();
  restate.drop("d", registration);
  restate.user("d", "ann", { status: "registered", tickets: 1 });
  async function publish(text) {
    const publisher = await NatsPublisher.connect(broker.server);
    await publisher.send("drop.d.state", { text });
    publisher.close();
  }
  return {
    ...{ broker, keeps: false },
    startHub(port, options) {
      const env = { NATS_URL: local("nats", port), RESTATE_INGRESS_URL: restate.url };
      return startServer({ profile: "drop", env, ...options });
    },
    async open(hub) {
      const client = await openEvents(hub, "d/ann");
      await untilEvents(client, "user");
      return {
        say: (text) => publish(text).then(() => true),
        heard: () => eventsOf(client, "drop").map(({ text }) => text),
        told: () => eventsOf(client, "user").length - 1, // the last of a fresh snapshot
        isGone: isGone(client),
        close: () => client.close(),
      };
    },
    end: () => (broker.end(), restate.close()),
  };
}

async function updates({ hasOutbox }) {
  const broker = await postgresBroker();
  const postgres = broker.server;
  if (hasOutbox) {
    await postgres.sql('CREATE TABLE "Usage" ("userId" text, note text)');
    await postgres.sql('CREATE TABLE "Subscription" ("userId" text)');
    execFileSync(binary, ["pg-setup", "--apply"], { env: { DATABASE_URL: postgres.url() } });
  }
  const change = (note) => JSON.stringify({ operation: "UPDATE", data: { note } });
  const statement = (note) =>
    hasOutbox
      ? `INSERT INTO "Usage" VALUES ('${user(1)}', '${note}')`
      : notification(`user_usage_${user(1)}`, change(note));
  let session = null;
  async function write(note) {
    if (!session || session.hasEnded) session = new Session(postgres);
    await session.run(statement(note));
    return true;
  }
  return {
    ...{ broker, keeps: hasOutbox },
    startHub(port, options) {
      const env = { DATABASE_URL: postgres.url({ port }), PG_OUTBOX: hasOutbox ? "1" : "0" };
      return startUpdates(postgres, { env, ...options });
    },
    async open(hub) {
      const browser = await Browser.open(hub, user(1));
      return {
        say: write,
        heard: () => browser.updates.map((update) => update.data.data.note),
        told: () => browser.gaps,
        isGone: isGone(browser),
        close: () => browser.close(),
      };
    },
    end: () => (session?.end(), broker.end()),
  };
}

export const places = {
  "live-data, Redis Streams": async () => liveData(await redisBroker(), "redis", "REDIS_URL"),
  "live-data, JetStream": async () => liveData(await natsBroker(), "nats", "NATS_URL"),
  "chat, Redis pub/sub": chat,
  "signals, Redis Streams": signals,
  "drop, NATS": drop,
  "pg-updates, LISTEN": () => updates({ hasOutbox: false }),
  "pg-updates, outbox": () => updates({ hasOutbox: true }),
};
