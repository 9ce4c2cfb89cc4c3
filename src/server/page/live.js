// The view of the data itself: a chart for every number of the points on a channel, and what
// happened beside them.
import { LineChart } from "./charts.js";
import { by, element, update } from "./dom.js";
import { bytes, clock, count, milliseconds, percent, words } from "./format.js";
import { isPaused } from "./pause.js";
import { firstFields, read } from "./points.js";
import { Source, addressesOf } from "./source.js";

const chartsMax = 30; // a channel with more fields than that shows its first ones
const feedMax = 100;
const seconds = 120;
const apart = 0.25; // a quarter of a second is what a pixel or two can show

// A unit at the end of a field's name stands with its numbers, not in its title.
const units = [
  [/^errorRate$/, percent, ""],
  [/^latency/i, milliseconds, ""],
  [/_?(ms|millis|milliseconds)$/i, milliseconds],
  [/_?(percent|pct)$/i, (value) => `${count(value)} %`],
  [/_?bytes$/i, bytes],
  [/_?kbps$/i, (value) => `${bytes(1000 * value)}/s`],
  [/_?(kb|mb|gb|seconds)$/i, null],
];

// {title, format} of a field.
function shapeOf(name) {
  for (const [pattern, format, keep] of units) {
    const found = pattern.exec(name);
    if (!found || (keep === undefined && found[0] === name)) continue;
    const sign = found[1] === undefined ? "" : /^s/i.test(found[1]) ? "s" : found[1].toUpperCase();
    const title = keep === "" ? name : name.slice(0, found.index);
    return { title: words(title), format: format ?? ((value) => `${count(value)} ${sign}`) };
  }
  return { title: words(name), format: count };
}

const fields = new Map(); // name -> LineChart
const leftOut = new Set(); // names beyond chartsMax
let shares = null; // the card of the channel shares
let source = null;
let received = 0;
let lastPoint = {};
let isDirty = false;
let since = null; // when the first point came: all charts show the same time
const waiting = []; // events that came while the page is paused

export function startLive(page) {
  const asked = new URLSearchParams(location.search);
  by("live-url").value = asked.get("url") ?? page.hub;
  if (asked.get("source") === "ws") by("live-ws").checked = true;
  by("live-form").addEventListener("submit", (event) => {
    event.preventDefault();
    source ? disconnect() : connect(page);
  });
  for (const radio of ["live-sse", "live-ws"])
    by(radio).addEventListener("change", () => {
      if (source) connect(page);
    });
  setInterval(() => {
    if (!isDirty || by("view-live").hidden || isPaused()) return;
    isDirty = false;
    draw();
  }, 250);
  if (location.hash === "#live") connect(page);
}

export function showLive(page) {
  if (!source) connect(page);
  draw();
  addEvents(waiting.splice(0));
}

function state(text, tone = "") {
  if (by("live-state").textContent === text) return;
  by("live-state").textContent = text;
  by("live-state").className = tone;
  by("live-count").textContent = "";
}

function disconnect() {
  source?.close();
  source = null;
  by("live-connect").textContent = "Connect";
  by("live-connect").classList.add("primary");
  state("not connected");
}

function connect(page) {
  source?.close();
  source = null;
  const url = by("live-url").value;
  const kind = by("live-ws").checked ? "ws" : "sse";
  let addresses;
  try {
    addresses = addressesOf(url);
  } catch {
    return state("that is no address", "bad");
  }
  // The policy of this page names the one hub it may talk to: another one is asked for anew.
  if (addresses.origin !== page.hub) {
    const query = new URLSearchParams({ hub: addresses.origin, url, source: kind });
    location.assign(`/?${query}#live`);
    return;
  }
  received = 0;
  by("live-connect").textContent = "Disconnect";
  by("live-connect").classList.remove("primary");
  source = new Source(kind, addresses[kind], {
    message: take,
    gap: () => addEvents([{ ts: Date.now(), severity: "warn", kind: "gap",
      text: "Some messages before this point are missing." }]),
    state: (text, tone) => state(text, tone),
  });
}

function take(text) {
  ++received;
  const { points, events } = read(text);
  for (const point of points) addPoint(point);
  addEvents(events);
  state("connected", "good");
  isDirty = true;
}

function chartOf(name) {
  let chart = fields.get(name);
  if (chart) return chart;
  if (fields.size >= chartsMax) return leaveOut(name);
  const place = by("live-charts");
  const index = firstFields.indexOf(name);
  const colour = index >= 0 ? (index % 6) + 1 : (fields.size % 6) + 1;
  const { title, format } = shapeOf(name);
  chart = new LineChart(place, {
    title,
    format,
    series: [{ name: title.toLowerCase(), colour }],
    seconds,
    apart,
    least: name === "errorRate" ? 0.01 : 1,
  });
  fields.set(name, chart);
  // The dashboards' own fields first, in their order; the shares behind them; then the others.
  const order = (card) => Number(card.dataset.order ?? 99);
  chart.card.dataset.order = index >= 0 ? index : 50;
  const behind = [...place.children].find((card) => order(card) > order(chart.card));
  if (behind) place.insertBefore(chart.card, behind);
  by("live-empty").hidden = true;
  return chart;
}

function leaveOut(name) {
  leftOut.add(name);
  by("live-more").textContent =
    `The first ${chartsMax} numbers are shown; ${leftOut.size} more came.`;
  by("live-more").hidden = false;
}

function addPoint(point) {
  // What a point leaves out is as it was; the charts show time of arrival, for clocks differ.
  lastPoint = { ...lastPoint, ...point.fields };
  const now = Date.now();
  since ??= now / 1000;
  for (const [name, value] of Object.entries(lastPoint)) chartOf(name)?.add(now, [value]);
  if (point.shares && !isPaused()) showShares(point.shares);
}

function draw() {
  for (const chart of fields.values()) {
    chart.now = Date.now() / 1000;
    chart.since = since;
    chart.draw();
  }
  const told = `${count(received)} ${received === 1 ? "message" : "messages"}`;
  by("live-count").textContent = received > 0 ? ` · ${told}` : "";
}

function showShares(list) {
  if (!shares) {
    shares = element("div", { class: "shares" });
    const card = element(
      "article",
      { class: "chart", "data-order": "10" },
      element("header", {}, element("h3", {}, "Channels")),
      shares,
    );
    const place = by("live-charts");
    const behind = [...place.children].find((one) => Number(one.dataset.order ?? 99) > 10);
    place.insertBefore(card, behind ?? null);
    by("live-empty").hidden = true;
  }
  const rows = list.slice(0, 6).flatMap(({ name, share }, index) => {
    const fill = element("div", { class: "fill" });
    fill.style.width = `${share * 100}%`;
    fill.style.background = `var(--s${(index % 6) + 1})`;
    return [
      element("span", {}, name),
      element("div", { class: "track", "aria-hidden": "true" }, fill),
      element("span", { class: "n" }, percent(Math.round(share * 1000) / 1000)),
    ];
  });
  update(shares, rows);
}

const marks = { info: "event", warn: "warning", danger: "alarm" };

function addEvents(events) {
  if (events.length === 0) return;
  if (isPaused()) {
    waiting.push(...events);
    waiting.splice(0, waiting.length - feedMax);
    return;
  }
  const feed = by("feed");
  for (const event of events)
    feed.prepend(
      element(
        "li",
        { class: event.severity },
        element("span", {
          class: "mark",
          role: "img",
          "aria-label": marks[event.severity] ?? "event",
        }),
        element(
          "span",
          { class: "text" },
          event.text,
          event.kind ? element("span", { class: "kind" }, event.kind) : null,
        ),
        element("time", { datetime: new Date(event.ts).toISOString() }, clock(event.ts)),
      ),
    );
  while (feed.childElementCount > feedMax) feed.lastElementChild.remove();
  by("feed-empty").hidden = true;
}
