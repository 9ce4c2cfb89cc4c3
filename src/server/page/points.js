// What a payload of a live-data channel means: points and events in all the shapes that dashboards
// understand (docs/PROFILES.md). Pure: no document, no clock but for what has no time of its own.

const listed = ["Organic", "Paid", "Referral", "Direct", "Partners"];
// The seven that every dashboard has come first, in this order; `channels` is not a number.
export const firstFields = [
  "activeUsers",
  "signups",
  "conversions",
  "revenue",
  "latencyP95",
  "errorRate",
];
const notFields = new Set(["ts", "timestamp", "id", "type", "channels"]);

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function number(value) {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string" || value.trim() === "") return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
}

export function timeOf(object, now) {
  const given = object.ts ?? object.timestamp;
  const isDate = typeof given === "string" && number(given) === null;
  const ms = isDate ? Date.parse(given) : number(given);
  return Number.isFinite(ms) && ms > 0 ? ms : now;
}

// {ts, fields, shares}; null: there is no number in it.
export function pointOf(object, now) {
  if (!isObject(object)) return null;
  const fields = {};
  for (const [name, raw] of Object.entries(object)) {
    if (notFields.has(name)) continue;
    let value = number(raw);
    if (value === null) continue;
    if (name === "errorRate" && value > 1) value /= 100;
    fields[name] = value;
  }
  const shares = sharesOf(object.channels);
  if (Object.keys(fields).length === 0 && !shares) return null;
  return { ts: timeOf(object, now), fields, shares };
}

// Shares of 1, in the dashboards' order, whatever they added up to; null: none.
export function sharesOf(channels) {
  if (!isObject(channels)) return null;
  const found = [];
  for (const name of new Set([...listed, ...Object.keys(channels)])) {
    const value = number(channels[name]);
    if (value !== null && value >= 0) found.push([name, value]);
  }
  const sum = found.reduce((total, [, value]) => total + value, 0);
  if (sum <= 0) return null;
  return found.map(([name, value]) => ({ name, share: value / sum }));
}

const severities = [
  ["danger", /danger|error|critical|fatal/],
  ["warn", /warn/],
];
const eventKinds = [
  ["signup", /signup/],
  ["purchase", /purchase|paid|sale/],
  ["deploy", /deploy|release/],
  ["incident", /incident|alert|error/],
];

// {id, ts, severity, kind, text}; null: it says nothing.
export function eventOf(object, now) {
  if (!isObject(object)) return null;
  const text = object.message ?? object.text ?? object.title;
  if (typeof text !== "string" || text === "") return null;
  const level = String(object.severity ?? object.level ?? "info").toLowerCase();
  const named = [object.type, object.eventType, object.kind].find(
    (one) => typeof one === "string" && !/^events?$/.test(one),
  );
  const given = String(named ?? "").toLowerCase();
  return {
    id: object.id,
    ts: timeOf(object, now),
    severity: severities.find(([, pattern]) => pattern.test(level))?.[0] ?? "info",
    kind: eventKinds.find(([, pattern]) => pattern.test(given))?.[0] ?? given,
    text,
  };
}

// A message of any other service on the same channel: shown as it is.
function plainEvent(text, kind, now) {
  return { ts: now, severity: "info", kind, text: text.slice(0, 400) };
}

// {points, events} of one payload.
export function read(text, now = Date.now()) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { points: [], events: text.trim() ? [plainEvent(text, "text", now)] : [] };
  }
  if (!isObject(value)) return { points: [], events: [plainEvent(text, "value", now)] };
  const points = [];
  const events = [];
  const addPoint = (object) => {
    const point = pointOf(object, now);
    if (point) points.push(point);
  };
  const addEvents = (list) => {
    for (const one of list) {
      const event = eventOf(one, now);
      if (event) events.push(event);
    }
  };
  if (isObject(value.point)) addPoint(value.point);
  if (value.type === "point") addPoint(isObject(value.data) ? value.data : value);
  if (isObject(value.event)) addEvents([value.event]);
  if (Array.isArray(value.events)) addEvents(value.events);
  if (value.type === "events" && Array.isArray(value.data)) addEvents(value.data);
  if (value.type === "event") addEvents([isObject(value.data) ? value.data : value]);
  if (points.length + events.length > 0) return { points, events };
  const event = eventOf(value, now);
  if (event) return { points, events: [event] };
  if (typeof value.type === "string")
    return { points, events: [plainEvent(text, value.type, now)] };
  addPoint(value);
  return points.length > 0 ? { points, events } : { points, events: [plainEvent(text, "", now)] };
}
