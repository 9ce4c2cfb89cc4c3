// What a scenario found: a table for people, one JSON object for programs, and whether it passed.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "load/progress.h"
#include "load/timeline.h"

namespace livehub::bench {

class Histogram;

// How a duration is distributed: share of all that are at or below, and that value in ms.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

class Report {
 public:
  struct Row {
    std::string label;
    std::string value;
    std::string unit;
    bool is_number = false;
  };

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

  // For the plots.
  void set_timeline(std::vector<TimelinePoint> points) { timeline_ = std::move(points); }
  void add_turns(std::string name, std::vector<double> values) {
    turns_.emplace_back(std::move(name), std::move(values));
  }
  // Where and how it was measured: sentences, and the command line.
  void set_about(std::vector<std::string> about, std::string command) {
    about_ = std::move(about);
    command_ = std::move(command);
  }

  const std::string& scenario() const { return scenario_; }
  const std::string& command() const { return command_; }
  const std::vector<std::string>& about() const { return about_; }
  const std::vector<Row>& rows() const { return rows_; }
  const std::vector<Curve>& curves() const { return curves_; }
  const std::vector<TimelinePoint>& timeline() const { return timeline_; }
  const std::vector<std::pair<std::string, std::vector<double>>>& turns() const { return turns_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& failures() const { return failures_; }

  void print_table(std::FILE* out) const;
  void print_json(std::FILE* out) const;

 private:
  std::string scenario_;
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::string>> fields_;  // key, JSON value
  std::vector<std::string> warnings_;
  std::vector<std::string> failures_;
  std::vector<Curve> curves_;
  std::vector<TimelinePoint> timeline_;
  std::vector<std::pair<std::string, std::vector<double>>> turns_;
  std::vector<std::string> about_;
  std::string command_;
};

// "1234567.8" with the decimals asked for.
std::string format_number(double value, int decimals);

}  // namespace livehub::bench
