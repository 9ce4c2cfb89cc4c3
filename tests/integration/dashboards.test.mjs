// The Grafana dashboard and the alert rules: every metric and label they use is one that /metrics
// has, with traffic behind it, and no series has a label that belongs to whoever scrapes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { metricsText } from "./lib/metrics.mjs";
import { eventually } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { exchange } from "./lib/raw.mjs";
import { root, startServer, shards } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { WsClient } from "./lib/websocket.mjs";

const read = (name) => readFileSync(path.join(root, "docs", name), "utf8");
const theirs = new Set(["job", "instance", "le"]);
let server;
let families; // name -> Set of label names, of histograms by the names of their series

before(async () => {
  server = await startServer();
  const sse = await SseClient.open(server);
  const ws = await WsClient.open(server);
  await push(server, { activeUsers: 1 }, { activeUsers: 2 });
  await sse.untilMessages(2);
  await exchange(server, "nonsense\r\n\r\n");
  ws.socket.close(1000);
  sse.close();
  await eventually(async () => {
    families = new Map();
    const text = await metricsText(server);
    for (const line of text.split("\n")) {
      const type = /^# TYPE (\S+) (\S+)$/.exec(line);
      if (type && !families.has(type[1])) families.set(type[1], new Set());
      const sample = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!sample) continue;
      if (!families.has(sample[1])) families.set(sample[1], new Set());
      for (const label of (sample[2] ?? "").matchAll(/(\w+)="/g))
        families.get(sample[1]).add(label[1]);
    }
    return families.get("livehub_ends_total").size === 3;
  }, "the ends");
});
after(() => server?.stop());

function check(expression, where) {
  const names = [...expression.matchAll(/\blivehub_\w+/g)].map((found) => found[0]);
  assert.ok(names.length > 0, `${where} asks for nothing of ours: ${expression}`);
  const known = new Set(theirs);
  for (const name of names) {
    assert.ok(families.has(name), `${where}: there is no ${name}`);
    for (const label of families.get(name)) known.add(label);
  }
  const groups = [...expression.matchAll(/\b(?:by|without) \(([^)]*)\)/g)].map((g) => g[1]);
  const matched = [...expression.matchAll(/[{,]\s*(\w+)\s*(?:=~?|!~|!=)/g)].map((m) => m[1]);
  for (const label of [...groups.flatMap((g) => g.split(/,\s*/)), ...matched])
    assert.ok(known.has(label), `${where}: no label ${label} in ${expression}`);
}

test("the dashboard asks for what there is", (t) => {
  const dashboard = JSON.parse(read("grafana/livehub.json"));
  const panels = dashboard.panels.filter((panel) => panel.type !== "row");
  assert.ok(panels.length >= 20);
  for (const panel of panels)
    for (const target of panel.targets) {
      check(target.expr, panel.title);
      for (const label of target.legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        assert.match(
          target.expr,
          new RegExp(`${label[1]}|livehub_link|livehub_source|awake`),
          panel.title,
        );
    }
  const ids = dashboard.panels.map((panel) => panel.id);
  assert.equal(new Set(ids).size, ids.length);
  // Nothing lies on anything else.
  const cells = new Set();
  for (const { gridPos: g, title } of dashboard.panels)
    for (let x = g.x; x < g.x + g.w; ++x)
      for (let y = g.y; y < g.y + g.h; ++y) {
        assert.ok(x < 24 && !cells.has(`${x} ${y}`), `${title} overlaps`);
        cells.add(`${x} ${y}`);
      }
  t.diagnostic(`${panels.length} panels`);
});

test("the alerts ask for what there is", (t) => {
  const text = read("prometheus/alerts.yml")
    .replace(/>-\n/g, "")
    .replace(/\n {10,}> /g, " > ");
  const expressions = [...text.matchAll(/- alert: (\w+)\n\s+expr:\s+(.*)/g)];
  assert.ok(expressions.length >= 10);
  for (const [, alert, expression] of expressions) check(expression, alert);
  for (const [, , body] of text.matchAll(/- alert: (\w+)\n([\s\S]*?)(?=\n {6}- alert|$)/g)) {
    assert.match(body, /severity: (page|ticket)/);
    assert.match(body, /summary: /);
    assert.match(body, /look: /);
  }
  t.diagnostic(`${expressions.length} alerts`);
});

test("no series has a label that the scraper sets, and there are not many", () => {
  for (const [name, labels] of families)
    for (const label of ["app", "region", "host", "instance", "job"])
      assert.ok(!labels.has(label), `${name} has a label ${label}`);
  assert.ok(families.size > 60 && families.size < 150, `${families.size} names`);
});

test("the series stay bounded, whatever clients do", async () => {
  const lines = async () =>
    (await metricsText(server))
      .split("\n")
      .filter((line) => line && !line.startsWith("#")).length;
  for (let code = 3000; code < 3050; ++code) {
    const client = await WsClient.open(server);
    client.socket.close(code, `reason ${code}`);
    await exchange(server, `GET /path-${code} HTTP/1.1\r\nHost: ${code}.test\r\n\r\n`);
  }
  assert.ok((await lines()) < 80 + shards * 160, `${await lines()} lines`);
});
