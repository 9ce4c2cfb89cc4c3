// What the doctor finds: one line each, with what to change. Pure.
// Tests: tests/unit/tool/check_test.cc, tests/integration/tools_check.test.mjs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace livehub::tool {

struct Finding {
  enum class Level : uint8_t { kOk, kNote, kWarning, kError };
  Level level = Level::kOk;
  std::string subject;  // "descriptors"
  std::string text;     // what is so
  std::string change;   // what to do; empty where nothing is wrong
};

class Findings {
 public:
  void ok(std::string subject, std::string text) {
    list_.push_back({Finding::Level::kOk, std::move(subject), std::move(text), {}});
  }
  void note(std::string subject, std::string text, std::string change = {}) {
    list_.push_back(
        {Finding::Level::kNote, std::move(subject), std::move(text), std::move(change)});
  }
  void warn(std::string subject, std::string text, std::string change) {
    list_.push_back(
        {Finding::Level::kWarning, std::move(subject), std::move(text), std::move(change)});
  }
  void fail(std::string subject, std::string text, std::string change) {
    list_.push_back(
        {Finding::Level::kError, std::move(subject), std::move(text), std::move(change)});
  }
  const std::vector<Finding>& list() const { return list_; }
  size_t count(Finding::Level level) const;
  // A line each, changes below them; `has_colors` for a terminal.
  std::string text(bool has_colors) const;
  std::string json() const;

 private:
  std::vector<Finding> list_;  // in the order in which they were found; one thread
};

// "1.5 GB", "64 MB", "512 KB".
[[nodiscard]] std::string bytes_text(uint64_t bytes);

}  // namespace livehub::tool
