// The view of the hub itself: what /debug/stream says each second.
import { LineChart } from "./charts.js";
import { by, element, fill, meter, shareBar, update } from "./dom.js";
import { bytes, clock, count, duration, milliseconds, percent } from "./format.js";

const perSecond = (format) => (value) => `${format(value)}/s`;

// Each chart with what it takes out of a sample of /debug/history (and of the stream, brought to
// the same form).
const kinds = [
  {
    title: "Connections",
    isStacked: true,
    format: count,
    least: 4,
    series: [
      { name: "SSE", colour: 1 },
      { name: "WebSocket", colour: 2 },
    ],
    of: (s) => [s.sse, s.websocket],
  },
  {
    title: "Messages",
    format: perSecond(count),
    series: [{ name: "messages", colour: 5 }],
    of: (s) => [s.messages],
  },
  {
    title: "Deliveries",
    format: perSecond(count),
    series: [{ name: "deliveries", colour: 1 }],
    of: (s) => [s.deliveries],
  },
  {
    title: "Bytes",
    format: perSecond(bytes),
    least: 1024,
    series: [
      { name: "out", colour: 5 },
      { name: "in", colour: 3 },
    ],
    of: (s) => [s.bytes_out, s.bytes_in],
  },
  {
    title: "Latency p99",
    format: milliseconds,
    least: 0.5,
    series: [
      { name: "delivery", colour: 2 },
      { name: "loop", colour: 6 },
    ],
    of: (s) => [s.delivery_p99_ms || null, s.loop_p99_ms], // 0: nothing was sent
  },
  {
    title: "Drops and gaps",
    format: perSecond(count),
    series: [
      { name: "drops", colour: 4 },
      { name: "gaps", colour: 3 },
    ],
    of: (s) => [s.drops, s.gaps],
  },
];

let charts = [];

export async function startHub() {
  charts = kinds.map((kind) => ({ kind, chart: new LineChart(by("hub-charts"), kind) }));
  const answer = await fetch("/debug/history");
  if (!answer.ok) return;
  const { samples } = await answer.json();
  for (const sample of samples) addSample(sample);
  if (samples.length > 0) for (const { chart } of charts) chart.draw();
}

function addSample(sample) {
  for (const { kind, chart } of charts) chart.add(sample.at_ms, kind.of(sample));
}

export function showHub(now, isVisible) {
  addSample({
    at_ms: now.at_ms,
    sse: now.connections.sse,
    websocket: now.connections.websocket,
    messages: now.rates.messages,
    deliveries: now.rates.deliveries,
    bytes_in: now.rates.bytes_in,
    bytes_out: now.rates.bytes_out,
    drops: now.rates.drops,
    gaps: now.rates.gaps,
    loop_p99_ms: now.loop_ms.p99,
    delivery_p99_ms: now.delivery_ms.p99,
  });
  showHead(now);
  if (!isVisible) return;
  for (const { chart } of charts) chart.draw();
  showTiles(now);
  showShards(now);
  showBusiest(now);
  showLinks(now);
  showEnded(now);
}

function showHead(now) {
  const state = by("state");
  const [text, tone] = now.is_draining
    ? ["draining", "warn"]
    : now.ready
      ? ["ready", "good"]
      : ["not ready", "bad"];
  if (state.textContent !== text) state.textContent = text;
  state.className = `pill ${tone}`;
  const driver = now.io.split(":")[0].split(",")[0];
  by("facts").textContent =
    `${now.profile} · port ${now.port} · ${driver} · ` +
    `${now.shards.length} ${now.shards.length === 1 ? "shard" : "shards"} · ` +
    `up ${duration(now.uptime_seconds)} · ${now.version}`;
  const wrong = by("wrong");
  const sentences = [...now.wrong];
  if (now.shards_missing > 0) sentences.push(`${now.shards_missing} shards do not answer`);
  const all = sentences.length > 0 ? `Not as it should be: ${sentences.join("; ")}.` : "";
  if (wrong.textContent !== all) wrong.textContent = all;
  wrong.hidden = all === "";
}

function tile(name, value, unit, detail, tone, bar) {
  return element(
    "div",
    { class: `tile ${tone ?? ""}` },
    element("dt", {}, name),
    element("dd", { class: "value" }, value, unit ? element("small", {}, unit) : null, bar),
    element("dd", { class: "detail", title: detail }, detail),
  );
}

function showTiles(now) {
  const { connections, rates, memory, totals } = now;
  const used = memory.used_bytes / memory.budget_bytes;
  const lost = rates.drops + rates.gaps;
  update(by("tiles"), [
    tile(
      "Connections",
      count(connections.sse + connections.websocket),
      "",
      `SSE ${count(connections.sse)} · WebSocket ${count(connections.websocket)}`,
    ),
    tile("Messages", count(rates.messages), "/s", `${count(totals.messages)} since the start`),
    tile(
      "Deliveries",
      count(rates.deliveries),
      "/s",
      rates.deliveries > 1.05 * rates.sends
        ? `${count(rates.deliveries / rates.sends)} with each send`
        : `${count(totals.deliveries)} in all`,
    ),
    tile("Out", bytes(rates.bytes_out), "/s", `in ${bytes(rates.bytes_in)}/s`),
    tile(
      "Delivery p99",
      now.delivery_ms.p99 > 0 ? milliseconds(now.delivery_ms.p99) : "–",
      "",
      now.delivery_ms.p99 > 0
        ? `half within ${milliseconds(now.delivery_ms.p50)}`
        : "nothing sent now",
    ),
    tile(
      "Drops and gaps",
      count(lost),
      "/s",
      `${count(totals.drops)} drops · ${count(totals.gaps)} gaps`,
      lost > 0 ? "warn" : "",
    ),
    tile(
      "Memory",
      bytes(memory.used_bytes),
      "",
      `of ${bytes(memory.budget_bytes)} · RSS ${bytes(memory.resident_bytes)}`,
      used > 0.95 ? "bad" : used > 0.8 ? "warn" : "",
      shareBar(used, "share of the memory budget in use"),
    ),
  ]);
}

function showShards(now) {
  fill(
    by("shards"),
    now.shards.map((s) => [
      [String(s.shard)],
      [
        meter(s.sockets / s.sockets_max, count(s.sse + s.websocket), "share of its slots in use"),
        "n",
        `${s.sse} SSE, ${s.websocket} WebSocket; ${s.sockets} of ${s.sockets_max} slots`,
      ],
      [count(s.messages), "n"],
      [count(s.deliveries), "n"],
      [bytes(s.bytes_out), "n wide"],
      [meter(s.busy, percent(s.busy), "share of the time in which it was awake"), "n"],
      [milliseconds(s.loop_ms.p99), "n wide"],
      [s.delivery_ms.p99 > 0 ? milliseconds(s.delivery_ms.p99) : "–", "n mid"],
      [count(s.subscriptions), "n wide"],
      [meter(s.ring_fill, percent(s.ring_fill), "share of its rings in use"), "n wide"],
      [`${count(s.history_messages)} · ${bytes(s.history_bytes)}`, "n wide"],
      [bytes(s.memory_bytes), "n mid"],
    ]),
  );
}

function showBusiest(now) {
  fill(
    by("busiest"),
    now.busiest
      .slice(0, 8)
      .map((c) => [
        [c.channel, "name", `${c.channel}, of shard ${c.shard}`],
        [count(c.messages), "n"],
        [bytes(c.bytes), "n"],
        [count(c.subscribers), "n"],
      ]),
  );
}

function showLinks(now) {
  fill(
    by("links"),
    now.links.map((link) => [
      [link.name, "name"],
      [
        link.is_up ? "up" : link.problem || "down",
        link.is_up ? "good" : link.is_needed ? "bad why" : "warn why",
      ],
      [duration(link.state_seconds), "n"],
      [`${duration(link.quiet_seconds)} ago`, "n"],
      [count(link.reconnects), "n mid"],
    ]),
  );
}

const calm = new Set(["client left", "client closed", "draining", "profile"]);
const kindNames = { sse: "SSE", websocket: "WebSocket", http: "request" };

function showEnded(now) {
  fill(
    by("ended"),
    now.ended
      .slice(0, 12)
      .map((e) => [
        [clock(e.at_ms)],
        [kindNames[e.kind] ?? e.kind],
        [
          element(
            "span",
            { class: calm.has(e.cause) ? "" : "warn" },
            e.reason && e.reason !== e.cause ? `${e.cause}: ${e.reason}` : e.cause,
          ),
          "why",
        ],
        [e.kind === "sse" ? "–" : String(e.code), "n mid"], // an event stream has no code
        [duration(e.age_seconds), "n"],
        [bytes(e.sent_bytes), "n wide"],
        [e.address || "–", "mid"],
      ]),
  );
}
