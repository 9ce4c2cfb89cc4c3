#include "load/template.h"

#include <algorithm>

namespace livehub::bench {

namespace {

// Payloads hold no control characters.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string fill(std::string_view text, const Holes& holes) {
  std::string out;
  out.reserve(text.size() + holes.payload.size());
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    out += text.substr(0, open);
    text.remove_prefix(open);
    const size_t close = text.find('}');
    const std::string_view name = text.substr(0, close == std::string_view::npos ? 0 : close + 1);
    if (name == "{channel}") {
      out += holes.channel;
    } else if (name == "{id}") {
      out += holes.id;
    } else if (name == "{payload}") {
      out += holes.payload;
    } else if (name == "{payload_string}") {
      out += json_string(holes.payload);
    } else if (!text.empty()) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(name.size());
  }
  return out;
}

bool has_hole(std::string_view text, std::string_view name) {
  return text.find("{" + std::string(name) + "}") != std::string_view::npos;
}

}  // namespace livehub::bench
