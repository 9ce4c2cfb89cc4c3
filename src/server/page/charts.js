// Line charts over the last minutes, drawn by Chart.js (a global of /chart.js) in the page's own
// colours.
import { element, update } from "./dom.js";

const Chart = globalThis.Chart;
const charts = new Set();
const dark = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function withAlpha(hex, alpha) {
  const value = Number.parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${alpha})`;
}

Chart.defaults.font.family = getComputedStyle(document.documentElement).fontFamily;
Chart.defaults.font.size = 11;
Chart.defaults.animation = false;

function ago(seconds) {
  if (seconds < 1) return "now";
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

// How much a chart shows, and how far its marks are apart: it grows with what there is to show, so
// that a chart is full half a minute after its first value.
const windows = [
  [30, 10],
  [60, 15],
  [120, 30],
  [300, 60],
];

// Where the line is now.
const lastDot = {
  id: "lastDot",
  afterDatasetsDraw(chart) {
    for (const { data, _dataset: { borderColor } } of chart.getSortedVisibleDatasetMetas()) {
      const at = data.at(-1);
      if (!at || at.skip) continue;
      chart.ctx.beginPath();
      chart.ctx.arc(at.x, at.y, 2.6, 0, 2 * Math.PI);
      chart.ctx.fillStyle = borderColor;
      chart.ctx.fill();
    }
  },
};

// series: [{ name, colour: 1..6 }]; format: how values are written. isStacked: areas that add up.
// seconds: what it shows at most.
export class LineChart {
  constructor(
    place,
    { title, series, format, isStacked = false, seconds = 300, least = 1, apart = 0 },
  ) {
    this.series = series;
    this.format = format;
    this.title = title;
    this.secondsMax = seconds;
    [this.seconds, this.step] = windows[0];
    this.apart = apart; // points nearer to each other than that are one: the later
    this.points = series.map(() => []);
    this.latest = element("span", { class: "latest" });
    this.canvas = element("canvas", { role: "img", "aria-label": title });
    this.card = element(
      "article",
      { class: "chart" },
      element("header", {}, element("h3", {}, title), this.latest),
      element("div", { class: "plot" }, this.canvas),
    );
    place.append(this.card);
    this.chart = new Chart(this.canvas, this.#config(isStacked, least));
    this.paint();
    this.watch = new ResizeObserver(() => this.#fit());
    this.watch.observe(this.canvas.parentElement);
    charts.add(this);
  }

  #fit() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const isSame = clientWidth === this.chart.width && clientHeight === this.chart.height;
    if (clientWidth > 0 && !isSame) this.chart.resize(clientWidth, clientHeight);
  }

  #config(isStacked, least) {
    const format = this.format;
    return {
      type: "line",
      plugins: [lastDot],
      data: {
        datasets: this.series.map((one, index) => ({
          label: one.name,
          data: this.points[index],
          borderWidth: 1.6,
          pointRadius: 0,
          pointHitRadius: 8,
          tension: 0.25,
          fill: isStacked && index > 0 ? "-1" : "origin",
        })),
      },
      options: {
        // Chart.js would take the size that was seen a frame ago, which in a tab that was behind
        // others is an old one: the size is set by #fit().
        responsive: false,
        maintainAspectRatio: false,
        parsing: false,
        normalized: true,
        interaction: { mode: "index", intersect: false },
        layout: { padding: { top: 4 } },
        plugins: {
          legend: { display: false },
          tooltip: {
            displayColors: true,
            boxWidth: 8,
            boxHeight: 8,
            callbacks: {
              title: (items) => {
                const at = items[0] ? Math.max(0, this.now - items[0].parsed.x) : 0;
                return at < 1.5 ? "now" : `${Math.round(at)} s ago`;
              },
              label: (item) => ` ${item.dataset.label} ${format(item.raw.value ?? item.parsed.y)}`,
            },
          },
        },
        scales: {
          x: {
            type: "linear",
            min: 0,
            max: this.seconds,
            grid: { display: false, drawBorder: false },
            ticks: {
              maxRotation: 0,
              callback: (value) => ago(Math.round(this.max - value)),
            },
            afterBuildTicks: (axis) => {
              axis.ticks = [];
              for (let back = this.seconds; back >= 0; back -= this.step)
                axis.ticks.push({ value: axis.max - back });
            },
          },
          y: {
            beginAtZero: true,
            suggestedMax: least,
            stacked: isStacked,
            grid: { drawBorder: false, drawTicks: false },
            ticks: { maxTicksLimit: 4, padding: 6, callback: (value) => format(value) },
          },
        },
      },
    };
  }

  // At `ms`, one value for each series; null: there is none, and the line has a gap.
  add(ms, values) {
    const x = ms / 1000;
    values.forEach((value, index) => {
      const points = this.points[index];
      if (value === null && (points.at(-1)?.y ?? null) === null) return;
      if (points.length > 0 && x - points.at(-1).x < this.apart) points.at(-1).y = value;
      else points.push({ x, y: value });
      const oldest = x - this.secondsMax - 2;
      let gone = 0;
      while (gone < points.length && points[gone].x < oldest) ++gone;
      if (gone > 0) points.splice(0, gone);
    });
    this.now = x;
    this.since ??= x;
  }

  #grow() {
    const span = Math.min(this.now - (this.since ?? this.now), this.secondsMax);
    [this.seconds, this.step] = windows.find(([seconds]) => seconds >= span) ?? windows.at(-1);
  }

  // What somebody hears who cannot see it.
  #said(last) {
    const oldest = this.now - this.seconds;
    const parts = this.series.map((one, index) => {
      if ((last[index] ?? null) === null) return `${one.name}: none now`;
      const values = this.points[index].filter((p) => p.x >= oldest && p.y !== null).map((p) => p.y);
      const ends = [Math.min(...values), Math.max(...values)].map(this.format);
      const now = `now ${this.format(last[index])}`;
      const range = ends[0] === ends[1] ? "" : `, between ${ends[0]} and ${ends[1]}`;
      return this.series.length === 1 ? now + range : `${one.name} ${now}${range}`;
    });
    return `${this.title}, last ${ago(this.seconds)}: ${parts.join("; ")}`;
  }

  draw() {
    this.#fit(); // a browser tells of no new size while the tab is behind others
    this.#grow();
    this.max = this.now;
    const scale = this.chart.options.scales.x;
    scale.min = this.now - this.seconds;
    scale.max = this.now;
    this.chart.update("none");
    const last = this.points.map((points) => points.at(-1)?.y);
    const alone = this.series.length === 1;
    update(
      this.latest,
      this.series.map((one, index) =>
        element(
          "span",
          {},
          alone ? null : element("i", { class: `dot s${one.colour}`, "aria-hidden": "true" }),
          alone ? null : `${one.name} `,
          element("b", {}, (last[index] ?? null) === null ? "–" : this.format(last[index])),
        ),
      ),
    );
    this.canvas.setAttribute("aria-label", this.#said(last));
  }

  paint() {
    const { options, data } = this.chart;
    options.scales.x.ticks.color = options.scales.y.ticks.color = colour("--dim");
    options.scales.y.grid.color = colour("--grid");
    const box = options.plugins.tooltip;
    box.backgroundColor = colour("--ink");
    box.titleColor = box.bodyColor = colour("--panel");
    data.datasets.forEach((dataset, index) => {
      const line = colour(`--s${this.series[index].colour}`);
      dataset.borderColor = dataset.backgroundColor = line;
      dataset.fill = { target: dataset.fill?.target ?? dataset.fill, above: withAlpha(line, 0.12) };
    });
    this.chart.update("none");
  }

  remove() {
    charts.delete(this);
    this.watch.disconnect();
    this.chart.destroy();
    this.card.remove();
  }
}

dark.addEventListener("change", () => charts.forEach((chart) => chart.paint()));
