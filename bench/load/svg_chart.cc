#include "load/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "load/report.h"

namespace livehub::bench {

namespace {

constexpr double kWidth = 540;
constexpr double kHeight = 220;
constexpr double kLeft = 58;
constexpr double kRight = 16;
constexpr double kTop = 14;
constexpr double kBottom = 40;
constexpr int kTicksWanted = 5;
constexpr size_t kColours = 5;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
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
  Plane(const Chart& chart, Range x, Range y) : is_log_(chart.is_log_y), x_(x), y_(y) {
    if (x_.high <= x_.low) x_.high = x_.low + 1;
  }
  double x(double value) const {
    return kLeft + (value - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    const double low = scaled(y_.low);
    const double share = (scaled(value) - low) / (scaled(y_.high) - low);
    return kHeight - kBottom - share * (kHeight - kTop - kBottom);
  }

 private:
  double scaled(double value) const { return is_log_ ? std::log10(value) : value; }
  bool is_log_;
  Range x_;
  Range y_;
};

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
  std::string points;
  for (const auto& [x, y] : chart.series[index].points) {
    if (chart.is_log_y && y <= 0) continue;
    points += number(plane.x(x)) + "," + number(plane.y(y)) + " ";
  }
  return "<polyline class=\"series-" + std::to_string(index % kColours) + "\" points=\"" + points +
         "\"/>";
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
  Range x;
  Range y;
  bool has_line = false;
  for (const Series& series : chart.series) {
    size_t count = 0;
    for (const auto& [at, value] : series.points) {
      if (chart.is_log_y && value <= 0) continue;
      x.take(at);
      y.take(value);
      ++count;
    }
    has_line |= count > 1;
  }
  if (!has_line) return {};
  if (!chart.is_log_y) y.low = std::min(y.low, 0.0);
  if (y.high <= y.low) y.high = y.low + 1;
  std::vector<Tick> y_ticks =
      chart.is_log_y ? log_ticks(y.low, y.high) : ticks_between(y.low, y.high * 1.05);
  if (chart.is_log_y) y = {y_ticks.front().at, y_ticks.back().at};
  if (!chart.is_log_y) y.high *= 1.05;
  const Plane plane(chart, x, y);
  const auto x_ticks = chart.x_ticks.empty() ? ticks_between(x.low, x.high) : chart.x_ticks;
  std::string out = "<figure><figcaption>" + escape_html(chart.title) + " <small>" +
                    escape_html(chart.y_unit) + "</small></figcaption>" + legend(chart);
  out += "<svg viewBox=\"0 0 " + format_number(kWidth, 0) + " " + format_number(kHeight, 0) +
         "\" role=\"img\" aria-label=\"" + escape_html(chart.title) + "\">";
  out += grid(chart, plane, x_ticks, y_ticks);
  for (size_t i = 0; i < chart.series.size(); ++i) out += curve(chart, plane, i);
  return out + "</svg></figure>";
}

}  // namespace livehub::bench
