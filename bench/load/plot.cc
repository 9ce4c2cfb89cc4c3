#include "load/plot.h"

#include <sstream>
#include <stdexcept>
#include <string>

namespace livehub::bench {

namespace {

bool take_point(const std::string& line, Chart& chart) {
  std::istringstream in(line);
  double x = 0;
  double y = 0;
  if (chart.series.empty() || !(in >> x >> y) || !(in >> std::ws).eof()) return false;
  chart.series.back().points.emplace_back(x, y);
  return true;
}

bool take_line(const std::string& line, Chart& chart) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (rest.empty()) return false;
  if (name == "title") {
    chart.title = rest;
  } else if (name == "x") {
    chart.x_unit = rest;
  } else if (name == "y") {
    chart.y_unit = rest;
  } else if (name == "series") {
    chart.series.push_back({.name = rest, .points = {}});
  } else if (name == "log" && (rest == "x" || rest == "y")) {
    (rest == "x" ? chart.is_log_x : chart.is_log_y) = true;
  } else {
    return take_point(line, chart);
  }
  return true;
}

}  // namespace

Chart read_chart(std::istream& in) {
  Chart chart;
  chart.has_markers = true;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && !take_line(line, chart))
      throw std::runtime_error("no line of a chart: " + line);
  }
  return chart;
}

}  // namespace livehub::bench
