#include "load/report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "load/histogram.h"

namespace livehub::bench {

namespace {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + '"';
}

std::string json_list(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) {
    if (out.size() > 1) out += ", ";
    out += value;
  }
  return out + "]";
}

std::vector<std::string> json_strings(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const std::string& text : texts) out.push_back(json_string(text));
  return out;
}

void print_timeline(const std::vector<TimelinePoint>& points, std::FILE* out) {
  std::string list;
  for (const TimelinePoint& point : points) {
    list += list.empty() ? "[" : ", ";
    list += "{\"seconds\": " + format_number(point.seconds, 3) +
            ", \"messages_per_second\": " + format_number(point.messages_per_second, 1) +
            ", \"open\": " + format_number(point.open, 0) +
            ", \"rss_mb\": " + format_number(point.rss_mb, 3) +
            ", \"cpu_share\": " + format_number(point.cpu_share, 4) +
            ", \"phase\": " + json_string(point.phase) + "}";
  }
  std::fprintf(out, ", \"timeline\": %s]", list.c_str());
}

}  // namespace

std::string format_number(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

void Report::number(std::string_view key, std::string_view label, double value,
                    std::string_view unit, int decimals) {
  fields_.emplace_back(key, format_number(value, std::max(decimals, 4)));
  if (!label.empty()) {
    rows_.push_back({std::string(label), format_number(value, decimals), std::string(unit), true});
  }
}

void Report::text(std::string_view key, std::string_view label, std::string_view value) {
  fields_.emplace_back(key, json_string(value));
  if (!label.empty()) rows_.push_back({std::string(label), std::string(value), "", false});
}

void Report::list(std::string_view key, const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(format_number(value, 5));
  fields_.emplace_back(key, json_list(texts));
}

void Report::latency(std::string_view key, std::string_view label, const Histogram& histogram) {
  struct Point {
    const char* suffix;
    const char* name;
    double share;
  };
  static constexpr std::array<Point, 5> kPoints{{{"_p50_ms", " p50", 0.5},
                                                 {"_p90_ms", " p90", 0.9},
                                                 {"_p99_ms", " p99", 0.99},
                                                 {"_p999_ms", " p99.9", 0.999},
                                                 {"_p9999_ms", " p99.99", 0.9999}}};
  for (const Point& point : kPoints) {
    number(std::string(key) + point.suffix, std::string(label) + point.name,
           static_cast<double>(histogram.percentile_ns(point.share)) / 1e6, "ms", 3);
  }
  if (histogram.count() > 0) {
    Curve curve{.name = std::string(label), .points = {}};
    // Evenly spaced where each nine takes as much room as the one before, to p99.999 or the last
    // value.
    for (int step = 0; step <= 100; ++step) {
      const double share = 1 - std::pow(10, -0.05 * step);
      if ((1 - share) * static_cast<double>(histogram.count()) < 0.5) break;
      curve.points.emplace_back(share, static_cast<double>(histogram.percentile_ns(share)) / 1e6);
    }
    curves_.push_back(std::move(curve));
  }
  number(std::string(key) + "_max_ms", std::string(label) + " max",
         static_cast<double>(histogram.max_ns()) / 1e6, "ms", 3);
}

void Report::print_table(std::FILE* out) const {
  size_t label_width = 0;
  size_t value_width = 0;
  for (const Row& row : rows_) {
    label_width = std::max(label_width, row.label.size());
    if (row.is_number) value_width = std::max(value_width, row.value.size());
  }
  std::fprintf(out, "%s\n", scenario_.c_str());
  for (const Row& row : rows_) {
    std::fprintf(out, "  %-*s  %*s %s\n", static_cast<int>(label_width), row.label.c_str(),
                 static_cast<int>(row.is_number ? value_width : 0), row.value.c_str(),
                 row.unit.c_str());
  }
  for (const std::string& sentence : warnings_)
    std::fprintf(out, "  warning: %s\n", sentence.c_str());
  for (const std::string& sentence : failures_)
    std::fprintf(out, "  FAILED: %s\n", sentence.c_str());
}

void Report::print_json(std::FILE* out) const {
  std::fprintf(out, "{\"scenario\": %s", json_string(scenario_).c_str());
  for (const auto& [key, value] : fields_) {
    std::fprintf(out, ", %s: %s", json_string(key).c_str(), value.c_str());
  }
  std::fprintf(out, ", \"about\": %s, \"command\": %s", json_list(json_strings(about_)).c_str(),
               json_string(command_).c_str());
  if (!timeline_.empty()) print_timeline(timeline_, out);
  std::fprintf(out, ", \"warnings\": %s, \"failures\": %s}\n",
               json_list(json_strings(warnings_)).c_str(),
               json_list(json_strings(failures_)).c_str());
}

}  // namespace livehub::bench
