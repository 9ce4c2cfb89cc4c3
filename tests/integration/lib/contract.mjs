// What the contract says of every reply, in one place.
import assert from "node:assert/strict";

export const notFound =
  '{"error":"Not found","paths":["/api/live","/api/live/ws","/api/live/push"]}';
export const unauthorized = '{"ok":false,"error":"Unauthorized"}';

export const health = (mode, auth) =>
  `{"ok":true,"mode":"${mode}","sse":"/api/live","ws":"/api/live/ws","push":"/api/live/push",` +
  `"auth":"${auth}"}`;

export function assertCors(head, origin = "*") {
  assert.deepEqual(head.all("access-control-allow-origin"), [origin]);
  assert.deepEqual(head.all("access-control-allow-methods"), ["GET,POST,OPTIONS"]);
  const allowed = head.get("access-control-allow-headers") ?? "";
  const names = allowed
    .toLowerCase()
    .split(/\s*,\s*/)
    .sort();
  assert.deepEqual(names, ["authorization", "content-type", "last-event-id"]);
  assert.equal(head.get("access-control-allow-credentials"), undefined);
}

export function assertJson(head, status, body) {
  assert.equal(head.status, status, `${head.status} ${head.body}`);
  assert.equal(head.version, "1.1");
  assert.deepEqual(head.all("content-type"), ["application/json; charset=utf-8"]);
  assert.deepEqual(head.all("cache-control"), ["no-store"]);
  assertCors(head);
  if (body !== undefined) assert.equal(head.body, body);
}
