// Line charts as SVG text, for reports that open without a network. Colours are classes (series-0
// to series-4, axis, grid), so that the page's style decides for light and dark. Pure. Tests:
// bench/load/report_test.cc.
#pragma once

#include <string>
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
};

// Round numbers, five or so, that lie between `low` and `high`.
std::vector<Tick> ticks_between(double low, double high);
// The powers of ten (and with few of those also 2 and 5 times them) around all values.
std::vector<Tick> log_ticks(double low, double high);

// An <svg> element; empty where no series has two points.
std::string svg_of(const Chart& chart);

std::string escape_html(const std::string& text);

}  // namespace livehub::bench
