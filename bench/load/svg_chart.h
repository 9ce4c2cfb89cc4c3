// Line charts as SVG text, for reports that open without a network, and for files of their own.
// Colours are classes (series-0 to series-4, axis, grid), so that a style decides for light and
// dark. Pure. Tests: bench/load/report_test.cc.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace livehub::bench {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // by x
};

struct Tick {
  double at = 0;
  std::string text;
};

struct Chart {
  std::string title;
  std::string y_unit;
  std::string x_unit;
  std::vector<Series> series;
  std::vector<Tick> x_ticks;  // empty: found
  bool is_log_y = false;      // values of 0 and below are left out
  bool is_log_x = false;
  bool has_markers = false;  // at each point: where there are few
};

// Round numbers, five or so, that lie between `low` and `high`.
std::vector<Tick> ticks_between(double low, double high);
// The powers of ten (and with few of those also 2 and 5 times them) around all values.
std::vector<Tick> log_ticks(double low, double high);

// A <figure> with an <svg> element, for a page with the style below; empty where no series has two
// points.
std::string svg_of(const Chart& chart);
// The same as a file of its own, with title, legend and style in it.
std::string svg_file_of(const Chart& chart);

// What gives the classes their colours, in both lights.
extern const std::string_view kChartStyle;

std::string escape_html(const std::string& text);

}  // namespace livehub::bench
