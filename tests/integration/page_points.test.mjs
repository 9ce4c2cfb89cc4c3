// What the page makes of a payload: points and events in every shape of the live-data contract
// (section 0.5), and what other services put on the same channel. Without a browser or a server.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { root } from "./lib/server.mjs";

const load = (name) => {
  const source = readFileSync(path.join(root, "src/server/page", name), "utf8");
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
};
const { read, sharesOf, timeOf } = await load("points.js");
const { bytes, count, milliseconds, words } = await load("format.js");
const now = 1_700_000_000_000;
const of = (value) => read(typeof value === "string" ? value : JSON.stringify(value), now);
const fields = (value) => of(value).points.map((point) => point.fields);
const texts = (value) => of(value).events.map((event) => event.text);

test("a point comes bare, wrapped, or typed", () => {
  for (const value of [
    { activeUsers: 5 },
    { point: { activeUsers: 5 } },
    { type: "point", data: { activeUsers: 5 } },
    { type: "point", activeUsers: 5 },
    { ts: 1, activeUsers: "5", name: "x", nothing: null, list: [1], empty: "" },
  ])
    assert.deepEqual(fields(value), [{ activeUsers: 5 }], JSON.stringify(value));
});

test("an error rate over 1 is a percentage", () => {
  assert.deepEqual(fields({ errorRate: 12 }), [{ errorRate: 0.12 }]);
  assert.deepEqual(fields({ errorRate: "0.5" }), [{ errorRate: 0.5 }]);
  assert.deepEqual(fields({ errorRate: 1 }), [{ errorRate: 1 }]);
});

test("shares add up to one, in the dashboards' order, others behind", () => {
  assert.deepEqual(sharesOf({ Other: 1, Paid: "1", Organic: 2, bad: "x", minus: -1 }), [
    { name: "Organic", share: 0.5 },
    { name: "Paid", share: 0.25 },
    { name: "Other", share: 0.25 },
  ]);
  for (const nothing of [{}, { Organic: 0 }, null, 7, [1]]) assert.equal(sharesOf(nothing), null);
  const [point] = of({ channels: { Direct: 3 } }).points;
  assert.deepEqual(point.shares, [{ name: "Direct", share: 1 }]);
});

test("times are numbers, dates, or now", () => {
  assert.equal(timeOf({ ts: 5 }, now), 5);
  assert.equal(timeOf({ ts: "5" }, now), 5);
  assert.equal(timeOf({ timestamp: "2026-01-02T03:04:05Z" }, now), Date.UTC(2026, 0, 2, 3, 4, 5));
  for (const object of [{}, { ts: "soon" }, { ts: -1 }, { ts: null }])
    assert.equal(timeOf(object, now), now);
});

test("events come in six shapes", () => {
  for (const value of [
    { type: "event", message: "one" },
    { type: "event", data: { message: "one" } },
    { event: { text: "one" } },
    { events: [{ title: "one" }] },
    { type: "events", data: [{ message: "one" }, {}, null, 7, { message: "" }] },
    { type: "signup", message: "one" },
  ])
    assert.deepEqual(texts(value), ["one"], JSON.stringify(value));
});

test("an event has a severity and a kind", () => {
  const seen = (value) => {
    const [event] = of(value).events;
    return [event.severity, event.kind];
  };
  assert.deepEqual(seen({ type: "new_signup", message: "x" }), ["info", "signup"]);
  assert.deepEqual(seen({ event: { kind: "invoice.paid", text: "x" } }), ["info", "purchase"]);
  assert.deepEqual(seen({ type: "event", eventType: "release", message: "x" }), ["info", "deploy"]);
  assert.deepEqual(seen({ type: "event", level: "WARNING", message: "x" }), ["warn", ""]);
  for (const severity of ["error", "critical", "danger"])
    assert.deepEqual(seen({ type: "alert", severity, message: "x" }), ["danger", "incident"]);
});

test("a point and its events come in one message", () => {
  const both = of({ point: { signups: 1 }, events: [{ message: "one" }, { message: "two" }] });
  assert.equal(both.points.length, 1);
  assert.equal(both.events.length, 2);
});

test("what means nothing here is shown as it is, and bounded", () => {
  assert.deepEqual(texts("no json"), ["no json"]);
  assert.deepEqual(texts("null"), ["null"]);
  assert.deepEqual(texts("[1]"), ["[1]"]);
  assert.deepEqual(texts("{}"), ["{}"]);
  assert.deepEqual(texts(""), []);
  const presence = { type: "presence", room: "a", ts: 5, role: "host", slide: 3 };
  assert.deepEqual(texts(presence), [JSON.stringify(presence)]);
  assert.deepEqual(of(presence).points, []);
  assert.equal(of("x".repeat(10_000)).events[0].text.length, 400);
});

test("names of fields are read as words, numbers with three figures", () => {
  for (const [name, title] of [
    ["activeUsers", "Active users"],
    ["latencyP95", "Latency p95"],
    ["load1", "Load 1"],
    ["cpu", "CPU"],
    ["http_requests.total", "HTTP requests total"],
  ])
    assert.equal(words(name), title);
  assert.deepEqual([0.5, 1234, 12_345, Number.NaN].map(count), ["0.5", "1,234", "12.3k", "–"]);
  assert.deepEqual([999, 5_617_000].map(bytes), ["999 B", "5.62 MB"]);
  assert.deepEqual([0.01, 63.2, 12_000].map(milliseconds), ["10 µs", "63.2 ms", "12 s"]);
});
