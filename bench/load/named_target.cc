#include "load/named_target.h"

#include <charconv>
#include <stdexcept>
#include <vector>

namespace livehub::bench {

namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

NamedTarget parse_named_target(std::string_view text) {
  const std::vector<std::string> parts = split(text);
  NamedTarget target;
  bool is_valid = parts.size() == 4 && !parts[0].empty() && !parts[1].empty();
  if (is_valid) {
    const char* const end = parts[3].data() + parts[3].size();
    const auto [at, error] = std::from_chars(parts[3].data(), end, target.pid);
    is_valid = error == std::errc{} && at == end && target.pid > 0;
  }
  if (!is_valid) {
    throw std::runtime_error("--target must be name,subscribe URL,push URL,pid: \"" +
                             std::string(text) + "\"");
  }
  target.name = parts[0];
  target.subscribe_url = parts[1];
  target.push_url = parts[2];
  return target;
}

}  // namespace livehub::bench
