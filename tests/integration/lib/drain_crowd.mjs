// SIGTERM with a crowd, while somebody pushes: what each client was told and when, as figures. Used
// by drain.test.mjs and tests/soak/drain.mjs.
import { range, sleep } from "./patience.mjs";
import { Publisher } from "./push.mjs";
import { SseClient } from "./sse.mjs";
import { WsClient } from "./websocket.mjs";

async function openAll(server, count, open) {
  const clients = [];
  for (let i = 0; i < count; i += 100) {
    clients.push(...(await Promise.all(range(Math.min(100, count - i)).map(() => open(server)))));
  }
  return clients;
}

// Until the server is gone; the bodies that were answered with 200.
async function pushUntilGone(server, everyMs) {
  const publisher = new Publisher(server, { connections: 1 });
  const accepted = [];
  for (let n = 0; !server.exited; n++) {
    const answer = await publisher.post(String(n)).catch(() => null);
    if (answer?.status === 200) accepted.push(String(n));
    await sleep(everyMs);
  }
  publisher.close();
  return accepted;
}

function toldWell(client) {
  if (client instanceof WsClient) return [1001, 1012].includes(client.closed?.code);
  return client.ended && !client.cut && /^\d+$/.test(client.blocks.at(-1)?.retry ?? "");
}

// `busiestShare`: of the tenths of the time between the first close and the last, the one with the
// most closes has that share of them.
export async function drainWithCrowd(server, { sse, ws, everyMs }) {
  const clients = [
    ...(await openAll(server, sse, SseClient.open)),
    ...(await openAll(server, ws, WsClient.open)),
  ];
  await Promise.all(clients.slice(0, sse).map((client) => client.untilPosition()));
  const pushing = pushUntilGone(server, everyMs);
  await clients[0].untilMessages(20);
  const start = Date.now();
  const ends = [];
  const over = clients.map(async (client) => {
    const isOver = (c) => c.closed || c.ended || c.cut;
    await client.until(isOver, "its end", 120_000);
    ends.push((Date.now() - start) / 1000);
  });
  server.child.kill("SIGTERM");
  await server.untilExit(120_000);
  const seconds = (Date.now() - start) / 1000;
  await Promise.all(over);
  const accepted = await pushing;
  const isWhole = (client) => {
    const seen = new Set(client.messages);
    return seen.size === client.messages.length && accepted.every((body) => seen.has(body));
  };
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  const tenths = Array(10).fill(0);
  for (const end of ends)
    tenths[Math.min(9, Math.floor(((end - first) / (last - first || 1)) * 10))]++;
  return {
    ...{ seconds, first, last, pushed: accepted.length },
    code: server.exited.code,
    untold: clients.filter((client) => !toldWell(client)).length,
    incomplete: clients.filter((client) => !isWhole(client)).length,
    busiestShare: Math.max(...tenths) / clients.length,
  };
}
