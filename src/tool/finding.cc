#include "tool/finding.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace livehub::tool {
namespace {

constexpr size_t kSubjectWidth = 13;

struct LevelWords {
  const char* mark;
  const char* color;
  const char* name;
};

LevelWords words_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::kOk:
      return {"ok     ", "\x1b[32m", "ok"};
    case Finding::Level::kNote:
      return {"note   ", "\x1b[36m", "note"};
    case Finding::Level::kWarning:
      return {"warning", "\x1b[33m", "warning"};
    case Finding::Level::kError:
      break;
  }
  return {"ERROR  ", "\x1b[31m", "error"};
}

}  // namespace

size_t Findings::count(Finding::Level level) const {
  return static_cast<size_t>(std::count_if(
      list_.begin(), list_.end(), [level](const Finding& one) { return one.level == level; }));
}

std::string Findings::text(bool has_colors) const {
  std::string out;
  for (const Finding& finding : list_) {
    const LevelWords words = words_of(finding.level);
    out += has_colors ? words.color + std::string(words.mark) + "\x1b[0m" : words.mark;
    std::string subject = "  " + finding.subject;
    subject.resize(std::max(subject.size(), 2 + kSubjectWidth), ' ');
    out += subject + " " + finding.text + "\n";
    if (!finding.change.empty())
      out += std::string(10 + kSubjectWidth, ' ') + "-> " + finding.change + "\n";
  }
  return out;
}

std::string Findings::json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : list_) {
    nlohmann::ordered_json one = {{"level", words_of(finding.level).name},
                                  {"subject", finding.subject},
                                  {"text", finding.text}};
    if (!finding.change.empty()) one["change"] = finding.change;
    list.push_back(std::move(one));
  }
  const nlohmann::ordered_json out = {{"errors", count(Finding::Level::kError)},
                                      {"warnings", count(Finding::Level::kWarning)},
                                      {"findings", std::move(list)}};
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array kUnits = {"bytes", "KB", "MB", "GB", "TB"};
  auto number = static_cast<double>(bytes);
  size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), number < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", number,
                kUnits[unit]);
  return text.data();
}

}  // namespace livehub::tool
