// Pushes that meet the end of a hub whose pushes go to a broker: what the pusher is told must be
// true of the broker.
import assert from "node:assert/strict";
import { eventually } from "./patience.mjs";
import { Wire, request } from "./raw.mjs";
import { WsClient } from "./websocket.mjs";

const isDraining = async (hub) =>
  (await (await fetch(`${hub.adminUrl}/ready`)).text()).includes("draining");

// A push whose head came before the drain and whose body comes in it. `stored` says how many
// messages the broker has.
export async function expectRefusedInDrain(hub, stored) {
  const client = await WsClient.open(hub); // so that the drain lasts
  const text = request("POST", "/api/live/push", {}, '{"n":"late"}');
  const wire = await Wire.connect(hub);
  await wire.write(text.slice(0, -3));
  const other = await Wire.connect(hub);
  // The hub has read that head: it answers on a later connection.
  await other.write(request("GET", "/health"));
  assert.equal((await other.response()).status, 200);
  hub.child.kill("SIGTERM");
  await eventually(() => isDraining(hub), "the drain");
  await wire.write(text.slice(-3));
  const answer = await wire.response();
  assert.equal(answer.status, 503, String(answer.body));
  assert.match(answer.get("retry-after"), /^\d+$/);
  assert.equal(JSON.parse(answer.body).ok, false);
  client.close();
  await hub.stop();
  assert.equal(await stored(), 0, "the broker has what was refused");
}

// A push that the broker has taken before the drain; only its answer comes in it. A 503 would make
// the pusher say it twice.
export async function expectTakenBeforeDrain(hub, proxy, stored) {
  const client = await WsClient.open(hub);
  proxy.freeze();
  const wire = await Wire.connect(hub);
  await wire.write(request("POST", "/api/live/push", {}, '{"n":"in time"}'));
  await eventually(async () => (await stored()) === 1, "the broker to have it", { everyMs: 5 });
  hub.child.kill("SIGTERM");
  await eventually(() => isDraining(hub), "the drain", { everyMs: 5 });
  proxy.thaw();
  const answer = await wire.response();
  assert.equal(answer.status, 200, String(answer.body));
  client.close();
  await hub.stop();
  assert.equal(await stored(), 1);
}
