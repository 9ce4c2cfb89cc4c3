// What a scenario found: a table for people, one JSON object for programs, and whether it passed.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace livehub::bench {

class Histogram;

class Report {
 public:
  explicit Report(std::string scenario) : scenario_(std::move(scenario)) {}

  // `key` names it in JSON, `label` in the table. An empty label leaves it out of the table.
  void number(std::string_view key, std::string_view label, double value, std::string_view unit,
              int decimals = 0);
  void text(std::string_view key, std::string_view label, std::string_view value);
  void list(std::string_view key, const std::vector<double>& values);  // JSON alone
  // Percentiles as <key>_p50_ms … <key>_p9999_ms.
  void latency(std::string_view key, std::string_view label, const Histogram& histogram);

  // The figures stand, but something limits what they mean.
  void warn(std::string sentence) { warnings_.push_back(std::move(sentence)); }
  // The run is not valid, or the server did wrong: exit status 1.
  void fail(std::string sentence) { failures_.push_back(std::move(sentence)); }
  bool has_failed() const { return !failures_.empty(); }

  void print_table(std::FILE* out) const;
  void print_json(std::FILE* out) const;

 private:
  struct Row {
    std::string label;
    std::string value;
    std::string unit;
    bool is_number = false;
  };

  std::string scenario_;
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::string>> fields_;  // key, JSON value
  std::vector<std::string> warnings_;
  std::vector<std::string> failures_;
};

// A progress line on a terminal, nothing elsewhere.
void show_progress(const std::string& line);

// "1234567.8" with the decimals asked for.
std::string format_number(double value, int decimals);

}  // namespace livehub::bench
