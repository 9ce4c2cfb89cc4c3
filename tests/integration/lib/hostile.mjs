// Crowds that mean no good, beside one client that does: what becomes of both, as figures. Used by
// the short forms (hostile.test.mjs) and the long ones (tests/soak).
import { readFileSync } from "node:fs";
import net from "node:net";
import { track } from "./cleanup.mjs";
import { range, sleep } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { Wire, request } from "./raw.mjs";
import { SseClient } from "./sse.mjs";
import { WsWire, frame, opcode } from "./websocket.mjs";

const pageBytes = 4096;
export const residentBytes = (pid) =>
  Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * pageBytes;

// A healthy client that gets a message each 50 ms for as long as `attack` takes. Everything must
// come, in order; `lost` names the first that did not.
export async function besideHealthy(server, attack) {
  const client = await SseClient.open(server);
  await client.untilPosition();
  const publisher = new Publisher(server, { connections: 1 });
  const before = residentBytes(server.pid);
  let peak = before;
  let isOver = false;
  let pushed = 0;
  const pushing = (async () => {
    while (!isOver) {
      await publisher.push(pushed++);
      peak = Math.max(peak, residentBytes(server.pid));
      await sleep(50);
    }
  })();
  const outcome = await attack().finally(() => {
    isOver = true;
  });
  await pushing;
  await client.until((c) => c.messages.length >= pushed || c.cut, "all messages");
  const lost = range(pushed).find((i) => client.messages[i] !== String(i));
  client.close();
  publisher.close();
  return { ...outcome, pushed, lost: lost ?? null, grownBytes: peak - before };
}

const slices = 10; // of the clients, so that they do not all send at once
const noWish = async () => {};

// `count` clients that send a head a byte each `everyMs` and never end it, until all of them are
// cut. `whileOpen()` begins once all are there.
export async function slowHeads(server, count, options = {}) {
  const { everyMs = 1000, patienceMs = 60_000, whileOpen = noWish } = options;
  const wires = [];
  const begin = new Map();
  const end = new Map();
  for (let i = 0; i < count; i += 50) {
    await Promise.all(
      range(Math.min(50, count - i), i).map(async (number) => {
        // Of many addresses, so that limits per address have no part in it.
        const wire = await Wire.connect(server, { from: `127.3.${number % 250}.9` });
        begin.set(wire, Date.now());
        wires.push(wire);
        wire.until((w) => w.over, "its end", patienceMs).then(
          () => end.set(wire, Date.now()),
          () => {},
        );
        await wire.write("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
      }),
    );
  }
  const [seen, limit] = [whileOpen(), Date.now() + patienceMs];
  for (let slice = 0; end.size < count && Date.now() < limit; slice++) {
    for (let i = slice % slices; i < count; i += slices)
      if (!wires[i].over) wires[i].socket.write("x");
    await sleep(everyMs / slices);
  }
  const texts = wires.map((wire) => wire.bytes.toString("latin1"));
  const lasted = wires.map((wire) => (end.get(wire) ?? Infinity) - begin.get(wire));
  wires.forEach((wire) => wire.destroy());
  return {
    cut: end.size,
    answered: texts.filter((text) => text.startsWith("HTTP/1.1 408 ")).length,
    otherwise: texts.filter((text) => text && !text.startsWith("HTTP/1.1 408 ")).length,
    shortestMs: Math.min(...lasted),
    seen: await seen,
  };
}

// `count` attempts from one address at once, where `most` may be in.
export async function manyFromOne(server, count, from) {
  const wires = await Promise.all(
    range(count).map(async () => {
      const wire = await Wire.connect(server, { from }).catch(() => null);
      await wire?.write(request("GET", "/api/live"));
      await wire?.until((w) => w.bytes.length > 0 || w.over, "an answer");
      return wire;
    }),
  );
  const isIn = (wire) => wire !== null && !wire.over && wire.received > 0;
  const outcome = { in: wires.filter(isIn).length };
  wires.forEach((wire) => wire?.destroy());
  return outcome;
}

// `count` bodies of `bytes`, none of which ends, until one of them is answered; and how many were.
export async function endlessBodies(server, count, bytes) {
  const head = `POST /api/live/push HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes + 1}\r\n\r\n`;
  const wires = await Promise.all(range(count).map(() => Wire.connect(server)));
  await Promise.all(wires.map((wire) => wire.write(head + " ".repeat(bytes))));
  const first = Promise.race(wires.map((wire) => wire.until((w) => w.bytes.length > 0 || w.over)));
  await first;
  const answers = wires.map((wire) => wire.bytes.toString("latin1", 0, 12)).filter((text) => text);
  wires.forEach((wire) => wire.destroy());
  return { answers: new Set(answers) };
}

// `count` fragmented messages that never end, until one of the clients is closed.
export async function endlessMessages(server, count, bytes) {
  const open = () => WsWire.open(server, { path: "/echo" });
  const clients = await Promise.all(range(count).map(open));
  const part = frame(opcode.binary, Buffer.alloc(bytes), { fin: false });
  await Promise.all(clients.map((client) => client.wire.write(part)));
  const { code } = await Promise.race(clients.map((client) => client.closeFrame()));
  clients.forEach((client) => client.destroy());
  return { code };
}

// One client that asks and asks, and reads nothing, until the server takes no more (fifty others
// were answered meanwhile, and not a byte went) or has taken `bytesMost`; then it reads all.
export async function deafPipeline(server, bytesMost) {
  const socket = net.connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true });
  track(socket, () => socket.destroy());
  const mark = "HTTP/1.1 200 OK";
  const batch = request("GET", "/health").repeat(1000);
  const takenBytes = () => socket.bytesWritten - socket.writableLength;
  let asked = 0;
  for (let still = 0; still < 50 && takenBytes() < bytesMost; ) {
    const before = takenBytes();
    if (socket.writableLength < batch.length) {
      socket.write(batch);
      asked += 1000;
    }
    await (await fetch(`${server.url}/health`)).text();
    still = takenBytes() === before ? still + 1 : 0;
  }
  const taken = takenBytes();
  socket.end(request("GET", "/health", { Connection: "close" }));
  let answered = 0;
  let rest = "";
  for await (const chunk of socket) {
    const parts = (rest + chunk.toString("latin1")).split(mark);
    answered += parts.length - 1;
    rest = parts.at(-1).slice(1 - mark.length);
  }
  return { taken, asked: asked + 1, answered };
}
