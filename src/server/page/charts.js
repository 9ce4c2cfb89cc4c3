// Line charts over the last minutes, drawn by Chart.js (a global of /chart.js) in the page's own
// colours.
import { element } from "./dom.js";

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

// series: [{ name, colour: 1..6 }]; format: how values are written. isStacked: areas that add up.
export class LineChart {
  constructor(
    place,
    { title, series, format, isStacked = false, seconds = 300, least = 1, apart = 0 },
  ) {
    this.series = series;
    this.format = format;
    this.title = title;
    this.seconds = seconds;
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
    charts.add(this);
  }

  #config(isStacked, least) {
    const format = this.format;
    return {
      type: "line",
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
        responsive: true,
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
              const step = this.seconds >= 300 ? 60 : 30;
              for (let back = this.seconds; back >= 0; back -= step)
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

  // At `ms`, one value for each series; null: none.
  add(ms, values) {
    const x = ms / 1000;
    values.forEach((value, index) => {
      const points = this.points[index];
      if (value === null || value === undefined) return;
      if (points.length > 0 && x - points.at(-1).x < this.apart) points.at(-1).y = value;
      else points.push({ x, y: value });
      const oldest = x - this.seconds - 2;
      let gone = 0;
      while (gone < points.length && points[gone].x < oldest) ++gone;
      if (gone > 0) points.splice(0, gone);
    });
    this.now = x;
  }

  draw() {
    // A browser tells of no new size while the tab is behind others.
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    if (clientWidth !== this.chart.width || clientHeight !== this.chart.height) this.chart.resize();
    this.max = this.now;
    const scale = this.chart.options.scales.x;
    scale.min = this.now - this.seconds;
    scale.max = this.now;
    this.chart.update("none");
    const last = this.points.map((points) => points.at(-1)?.y);
    const alone = this.series.length === 1;
    this.latest.replaceChildren(
      ...this.series.map((one, index) =>
        element(
          "span",
          {},
          alone ? null : element("i", { class: `dot s${one.colour}`, "aria-hidden": "true" }),
          alone ? null : `${one.name} `,
          element("b", {}, last[index] === undefined ? "–" : this.format(last[index])),
        ),
      ),
    );
    const said = this.series.map((one, i) => `${one.name} ${this.format(last[i] ?? 0)}`).join(", ");
    this.canvas.setAttribute("aria-label", `${this.title}: now ${said}`);
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
    this.chart.destroy();
    this.card.remove();
  }
}

dark.addEventListener("change", () => charts.forEach((chart) => chart.paint()));
