#include "load/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "load/report.h"

namespace livehub::bench {

const std::string_view kChartStyle = R"(
:root { --page: #fff; --text: #1c2024; --soft: #60646c; --line: #d9dade; --grid: #ebecef;
  --s0: #2962c8; --s1: #c2571a; --s2: #2c7a4b; --s3: #8347b5; --s4: #707782; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --text: #e6e8eb; --soft: #9ba1a9;
  --line: #3a3f47; --grid: #262a30;
  --s0: #7ba6f7; --s1: #f09a62; --s2: #6fc495; --s3: #c49bf0; --s4: #9aa1ab; } }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--grid); } .axis { stroke: var(--line); }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
circle { fill: var(--page); stroke-width: 2; }
.series-0 { stroke: var(--s0); } .series-1 { stroke: var(--s1); }
.series-2 { stroke: var(--s2); } .series-3 { stroke: var(--s3); }
.series-4 { stroke: var(--s4); }
)";

namespace {

constexpr double kWidth = 540;
constexpr double kHeight = 220;
constexpr double kLeft = 58;
constexpr double kRight = 16;
constexpr double kTop = 14;
constexpr double kBottom = 40;
constexpr double kHeadHeight = 44;    // title and legend of a file of its own
constexpr double kLetterWidth = 6.4;  // about
constexpr int kTicksWanted = 5;
constexpr size_t kColours = 5;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool holds(double value) const { return value >= low && value <= high; }
};

// "1.5 M", "20 k", "0.25"
std::string short_number(double value) {
  const double size = std::fabs(value);
  if (size >= 1e6) return format_number(value / 1e6, size < 1e7 ? 1 : 0) + " M";
  if (size >= 1e4) return format_number(value / 1e3, 0) + " k";
  int decimals = 0;
  for (double step = size; step > 0 && step < 10 && decimals < 4; step *= 10) ++decimals;
  std::string text = format_number(value, decimals);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// Where values lie on the page.
class Plane {
 public:
  Plane(const Chart& chart, Range x, Range y)
      : is_log_x_(chart.is_log_x), is_log_y_(chart.is_log_y), x_(x), y_(y) {
    if (x_.high <= x_.low) x_.high = x_.low + 1;
  }
  double x(double value) const {
    return kLeft + share(value, x_, is_log_x_) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - share(value, y_, is_log_y_) * (kHeight - kTop - kBottom);
  }

 private:
  static double share(double value, Range range, bool is_log) {
    if (is_log) return std::log(value / range.low) / std::log(range.high / range.low);
    return (value - range.low) / (range.high - range.low);
  }
  bool is_log_x_;
  bool is_log_y_;
  Range x_;
  Range y_;
};

// Where a value has no place on its axis.
bool is_left_out(const Chart& chart, double x, double y) {
  return (chart.is_log_x && x <= 0) || (chart.is_log_y && y <= 0);
}

std::string number(double value) { return format_number(value, 1); }

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
         escape_html(text) + "</text>";
}

std::string line_between(double x1, double y1, double x2, double y2, const char* name) {
  return "<line class=\"" + std::string(name) + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) +
         "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>";
}

std::string grid(const Chart& chart, const Plane& plane, const std::vector<Tick>& x_ticks,
                 const std::vector<Tick>& y_ticks) {
  const double bottom = kHeight - kBottom;
  std::string out;
  for (const Tick& tick : y_ticks) {
    const double y = plane.y(tick.at);
    out += line_between(kLeft, y, kWidth - kRight, y, "grid");
    out += text_at(kLeft - 6, y + 4, "end", tick.text);
  }
  for (const Tick& tick : x_ticks) {
    const double x = plane.x(tick.at);
    out += line_between(x, bottom, x, bottom + 4, "axis");
    out += text_at(x, bottom + 17, "middle", tick.text);
  }
  out += line_between(kLeft, bottom, kWidth - kRight, bottom, "axis");
  return out + text_at(kWidth - kRight, kHeight - 6, "end", chart.x_unit);
}

std::string curve(const Chart& chart, const Plane& plane, size_t index) {
  const std::string name = "class=\"series-" + std::to_string(index % kColours) + "\"";
  std::string points;
  std::string markers;
  for (const auto& [x, y] : chart.series[index].points) {
    if (is_left_out(chart, x, y)) continue;
    const std::string at_x = number(plane.x(x));
    const std::string at_y = number(plane.y(y));
    points += at_x + "," + at_y + " ";
    if (chart.has_markers)
      markers += "<circle " + name + " cx=\"" + at_x + "\" cy=\"" + at_y + "\" r=\"3\"/>";
  }
  return "<polyline " + name + " points=\"" + points + "\"/>" + markers;
}

std::string legend(const Chart& chart) {
  if (chart.series.size() < 2) return {};
  std::string out = "<div class=\"legend\">";
  for (size_t i = 0; i < chart.series.size(); ++i) {
    out += "<span><i class=\"key-" + std::to_string(i % kColours) + "\"></i>" +
           escape_html(chart.series[i].name) + "</span>";
  }
  return out + "</div>";
}

// The same in a file of its own, below its title.
std::string legend_text(const Chart& chart) {
  if (chart.series.size() < 2) return {};
  std::string out;
  double x = 12;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const std::string name = "series-" + std::to_string(i % kColours);
    out += "<polyline class=\"" + name + "\" points=\"" + number(x) + ",34 " + number(x + 14) +
           ",34\"/>" + text_at(x + 20, 38, "start", chart.series[i].name);
    x += 34 + kLetterWidth * static_cast<double>(chart.series[i].name.size());
  }
  return out;
}

// What lies inside of an <svg> element; empty where no series has two points.
std::string drawing(const Chart& chart) {
  Range x;
  Range y;
  bool has_line = false;
  for (const Series& series : chart.series) {
    size_t count = 0;
    for (const auto& [at, value] : series.points) {
      if (is_left_out(chart, at, value)) continue;
      x.take(at);
      y.take(value);
      ++count;
    }
    has_line |= count > 1;
  }
  if (!has_line) return {};
  if (!chart.is_log_y) y.low = std::min(y.low, 0.0);
  if (y.high <= y.low) y.high = y.low + 1;
  const std::vector<Tick> y_ticks =
      chart.is_log_y ? log_ticks(y.low, y.high) : ticks_between(y.low, y.high * 1.05);
  if (chart.is_log_y) y = {y_ticks.front().at, y_ticks.back().at};
  if (!chart.is_log_y) y.high *= 1.05;
  std::vector<Tick> x_ticks = chart.x_ticks;
  if (x_ticks.empty())
    x_ticks = chart.is_log_x ? log_ticks(x.low, x.high) : ticks_between(x.low, x.high);
  if (chart.is_log_x) std::erase_if(x_ticks, [&](const Tick& tick) { return !x.holds(tick.at); });
  const Plane plane(chart, x, y);
  std::string out = grid(chart, plane, x_ticks, y_ticks);
  for (size_t i = 0; i < chart.series.size(); ++i) out += curve(chart, plane, i);
  return out;
}

}  // namespace

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::vector<Tick> ticks_between(double low, double high) {
  std::vector<Tick> ticks;
  if (!(high > low)) return {{low, short_number(low)}};
  const double wanted = (high - low) / kTicksWanted;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= wanted) {
      step = factor * power;
      break;
    }
  }
  for (double at = std::ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step)
    ticks.push_back({at, short_number(std::fabs(at) < step * 1e-9 ? 0 : at)});
  return ticks;
}

std::vector<Tick> log_ticks(double low, double high) {
  const double first = std::floor(std::log10(low));
  const double last = std::max(std::ceil(std::log10(high)), first + 1);
  std::vector<Tick> ticks;
  for (double power = first; power <= last; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && (last - first > 2 || power == last)) continue;
      ticks.push_back({factor * std::pow(10, power), short_number(factor * std::pow(10, power))});
    }
  }
  return ticks;
}

std::string svg_of(const Chart& chart) {
  const std::string drawn = drawing(chart);
  if (drawn.empty()) return {};
  return "<figure><figcaption>" + escape_html(chart.title) + " <small>" +
         escape_html(chart.y_unit) + "</small></figcaption>" + legend(chart) +
         "<svg viewBox=\"0 0 " + format_number(kWidth, 0) + " " + format_number(kHeight, 0) +
         "\" role=\"img\" aria-label=\"" + escape_html(chart.title) + "\">" + drawn +
         "</svg></figure>";
}

std::string svg_file_of(const Chart& chart) {
  const std::string drawn = drawing(chart);
  if (drawn.empty()) return {};
  const std::string size = "0 0 " + format_number(kWidth, 0) + " ";
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"" + size +
                    format_number(kHeight + kHeadHeight, 0) + "\" width=\"720\" role=\"img\">";
  out += "<title>" + escape_html(chart.title) + "</title><style>" + std::string(kChartStyle) +
         "svg text.title { fill: var(--text); font-weight: 600; font-size: 14px; }"
         "rect { fill: var(--page); }</style><rect width=\"100%\" height=\"100%\"/>";
  out += "<text class=\"title\" x=\"12\" y=\"20\">" + escape_html(chart.title) + ", " +
         escape_html(chart.y_unit) + "</text>" + legend_text(chart);
  return out + "<g transform=\"translate(0 " + format_number(kHeadHeight, 0) + ")\">" + drawn +
         "</g></svg>\n";
}

}  // namespace livehub::bench
