// Texts with holes, for servers that name a channel in a path, a header or a body. Pure. Tests:
// bench/load/load_test.cc.
#pragma once

#include <string>
#include <string_view>

namespace livehub::bench {

struct Holes {
  std::string_view channel = {};  // {channel}: its number, from 0
  std::string_view id = {};       // {id}: of the last message received, percent-encoded in URLs
  std::string_view payload = {};  // {payload}: the message, a JSON object
};

// Fills {channel}, {id}, {payload} and {payload_string} (the message as a JSON string); other
// braces stay as they are.
std::string fill(std::string_view text, const Holes& holes);

bool has_hole(std::string_view text, std::string_view name);  // "channel"

}  // namespace livehub::bench
