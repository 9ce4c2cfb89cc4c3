// JSON of clients, brokers and backends as JavaScript's JSON.parse reads it, into a tree. The gate
// (wire/json_gate.h) says what is JSON: the library that makes trees would skip a byte order mark,
// go down as deep as the text says, and refuse what JSON.parse takes. Pure.
// Limits: depth, as the gate's. Tests: tests/unit/profile/json_tree_test.cc.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace livehub::profile {

// The text on one line and such that a tree can hold it: half a surrogate pair (an emoji that was
// cut) is U+FFFD, which UTF-8 has; a number that no double holds is null, as JSON.stringify writes
// its Infinity (alone, as the whole text, 0). nullopt: no UTF-8, no JSON, or too deep.
[[nodiscard]] std::optional<std::string> tree_text(std::string_view json);

// Discarded where JSON.parse would throw.
template <typename Value>
[[nodiscard]] Value parse_tree(std::string_view json) {
  const std::optional<std::string> text = tree_text(json);
  if (!text) return Value(Value::value_t::discarded);
  return Value::parse(*text, nullptr, false);
}

}  // namespace livehub::profile
