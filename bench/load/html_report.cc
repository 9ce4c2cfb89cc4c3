#include "load/html_report.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "load/report.h"
#include "load/svg_chart.h"

namespace livehub::bench {

namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --card: #f7f8fa; --warn: #8a5a00; --fail: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --card: #1b1e23; --warn: #e0aa4c; --fail: #f2897f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 24px 20px 48px; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 2px; } h2 { font-size: 16px; margin: 28px 0 8px; }
p.about { color: var(--soft); margin: 0 0 4px; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, monospace; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr));
  gap: 16px; margin-top: 18px; }
figure { margin: 0; padding: 12px 12px 6px; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; }
figcaption { font-weight: 600; } figcaption small { color: var(--soft); font-weight: 400; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--soft); font-size: 13px; }
.legend i { display: inline-block; width: 14px; height: 3px; margin-right: 6px;
  vertical-align: middle; }
.key-0 { background: var(--s0); } .key-1 { background: var(--s1); }
.key-2 { background: var(--s2); } .key-3 { background: var(--s3); }
.key-4 { background: var(--s4); }
table { border-collapse: collapse; width: 100%; max-width: 640px; }
td { padding: 3px 10px 3px 0; border-bottom: 1px solid var(--grid); }
td.value { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.unit { color: var(--soft); white-space: nowrap; }
.warn { color: var(--warn); } .fail { color: var(--fail); font-weight: 600; }
)";

std::string share_name(double share) {
  std::string text = format_number(share * 100, 3);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + " %";
}

// Shares on an axis on which each nine takes as much room as the one before.
Chart latency_chart(const std::vector<Curve>& curves) {
  Chart chart{.title = "Latency",
              .y_unit = "ms, logarithmic",
              .x_unit = "share of the messages that were as fast or faster",
              .series = {},
              .x_ticks = {},
              .is_log_y = true};
  for (const Curve& curve : curves) {
    Series series{.name = curve.name, .points = {}};
    for (const auto& [share, ms] : curve.points)
      series.points.emplace_back(-std::log10(1 - share), ms);
    chart.series.push_back(std::move(series));
  }
  for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999})
    chart.x_ticks.push_back({-std::log10(1 - share), share_name(share)});
  return chart;
}

Chart over_time(const std::vector<TimelinePoint>& points, const char* title, const char* unit,
                double TimelinePoint::*field, double factor) {
  Chart chart{.title = title,
              .y_unit = unit,
              .x_unit = "s",
              .series = {{.name = title, .points = {}}},
              .x_ticks = {}};
  for (const TimelinePoint& point : points)
    chart.series[0].points.emplace_back(point.seconds, point.*field * factor);
  return chart;
}

bool is_known(const std::vector<TimelinePoint>& points, double TimelinePoint::*field) {
  for (const TimelinePoint& point : points)
    if (point.*field > 0) return true;
  return false;
}

std::string plots(const Report& report) {
  std::string out = "<div class=\"plots\">" + svg_of(latency_chart(report.curves()));
  const std::vector<TimelinePoint>& points = report.timeline();
  out +=
      svg_of(over_time(points, "Deliveries", "per second", &TimelinePoint::messages_per_second, 1));
  if (is_known(points, &TimelinePoint::rss_mb)) {
    out += svg_of(over_time(points, "Server memory", "MB resident", &TimelinePoint::rss_mb, 1));
    out += svg_of(over_time(points, "Server CPU", "% of one CPU", &TimelinePoint::cpu_share, 100));
  }
  out += svg_of(over_time(points, "Open connections", "", &TimelinePoint::open, 1));
  if (!report.turns().empty()) {
    Chart chart{.title = "CPU, turn by turn",
                .y_unit = "us",
                .x_unit = "pair",
                .series = {},
                .x_ticks = {}};
    for (const auto& [name, values] : report.turns()) {
      Series series{.name = name, .points = {}};
      for (size_t i = 0; i < values.size(); ++i)
        series.points.emplace_back(static_cast<double>(i + 1), values[i]);
      chart.series.push_back(std::move(series));
    }
    out += svg_of(chart);
  }
  return out + "</div>";
}

std::string sentences(const std::vector<std::string>& texts, const char* name) {
  std::string out;
  for (const std::string& text : texts)
    out += "<p class=\"" + std::string(name) + "\">" + escape_html(text) + "</p>";
  return out;
}

std::string table(const Report& report) {
  std::string out = "<h2>Figures</h2><table>";
  for (const Report::Row& row : report.rows()) {
    // A label's own indentation says what it belongs to.
    const size_t indent = std::min(row.label.find_first_not_of(' '), row.label.size());
    out += indent == 0 ? "<tr><td>"
                       : "<tr><td style=\"padding-left:" + std::to_string(indent / 2) + "em\">";
    out += escape_html(row.label) + "</td><td class=\"value\">" + escape_html(row.value) +
           "</td><td class=\"unit\">" + escape_html(row.unit) + "</td></tr>";
  }
  return out + "</table>";
}

}  // namespace

std::string html_of(const Report& report) {
  const std::string title = "livehub-bench " + report.scenario();
  std::string out = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">";
  out += "<meta name=\"viewport\" content=\"width=device-width\"><title>" + escape_html(title);
  out += "</title><style>" + std::string(kChartStyle) + std::string(kStyle) + "</style><h1>" +
         escape_html(title) + "</h1>";
  for (const std::string& line : report.about())
    out += "<p class=\"about\">" + escape_html(line) + "</p>";
  if (!report.command().empty())
    out += "<p class=\"about\"><code>" + escape_html(report.command()) + "</code></p>";
  out += sentences(report.failures(), "fail") + sentences(report.warnings(), "warn");
  return out + plots(report) + table(report) + "</html>\n";
}

}  // namespace livehub::bench
