// A nats-server that cuts off who does not read: what it has for a connection may be 4 MB, and
// must leave within a second. The hub does not read while it stands still.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { freeze, thaw } from "./freeze.mjs";
import { eventually } from "./patience.mjs";
import { temporaryDirectory } from "./server.mjs";

// nats-server's arguments.
export function cutsOffSoon(t) {
  const file = path.join(temporaryDirectory(t), "nats.conf");
  writeFileSync(file, 'max_pending: 4MB\nwrite_deadline: "1s"\n');
  return ["-js", "-c", file];
}

// 8 MB, which is more than the sockets between the two take.
export const floodSize = 250;
export async function flood(publisher, subject) {
  const text = "x".repeat(32_000);
  for (let n = 0; n < floodSize; n++) publisher.publish(subject, { n, text });
  await publisher.flush();
}

// The hub stands still until the server has cut it off for what `publish()` has for it.
export async function untilCutOff(nats, hub, publish) {
  const cutOff = async () => (await nats.monitor("varz")).slow_consumers;
  assert.equal(await cutOff(), 0, "it kept up before");
  freeze(hub.child.pid);
  try {
    await publish();
    await eventually(async () => (await cutOff()) === 1, "the server to cut the hub off");
  } finally {
    thaw(hub.child.pid);
  }
}
