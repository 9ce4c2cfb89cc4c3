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

// Until the server is gone; the bodies that were answered with 200, and what was answered with
// neither that nor 503.
async function pushUntilGone(server, everyMs) {
  const publisher = new Publisher(server, { connections: 1 });
  const accepted = [];
  const wrong = [];
  for (let n = 0; !server.exited; n++) {
    const answer = await publisher.post(String(n)).catch(() => null);
    if (answer?.status === 200) accepted.push(String(n));
    else if (answer && answer.status !== 503) wrong.push(answer.status);
    await sleep(everyMs);
  }
  publisher.close();
  return { accepted, wrong };
}

function toldWell(client) {
  if (client instanceof WsClient) return [1001, 1012].includes(client.closed?.code);
  return client.ended && !client.cut && /^\d+$/.test(client.blocks.at(-1)?.retry ?? "");
}

// How closes are spread over the drain that was asked for, whatever time it took: `spanShare` of it
// lies between the first and the last; the tenth of it with the most has `busiestShare` of them.
function spread(ends, windowSeconds) {
  const tenths = Array(10).fill(0);
  for (const end of ends) tenths[Math.min(9, Math.floor((end / windowSeconds) * 10))]++;
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  const spanShare = (last - first) / windowSeconds;
  return { first, last, spanShare, busiestShare: Math.max(...tenths) / ends.length };
}

// `seconds` are DRAIN_SECONDS, of which the hub takes 0.7 to tell everybody.
export async function drainWithCrowd(server, { sse, ws, everyMs, seconds }) {
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
  const took = (Date.now() - start) / 1000;
  await Promise.all(over);
  const { accepted, wrong } = await pushing;
  const isWhole = (client) => {
    const seen = new Set(client.messages);
    return seen.size === client.messages.length && accepted.every((body) => seen.has(body));
  };
  return {
    ...spread(ends, seconds),
    ...{ took, pushed: accepted.length, wrong },
    code: server.exited.code,
    untold: clients.filter((client) => !toldWell(client)).length,
    incomplete: clients.filter((client) => !isWhole(client)).length,
  };
}
