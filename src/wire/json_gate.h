// The gate of a push endpoint: accepts exactly what JavaScript's JSON.parse accepts (ECMA-404) and
// keeps the input's own tokens, without the white space between them. So a client's JSON.parse sees
// the same value, and the text is one line: it never holds CR, LF or NUL.
//
// A reader into a tree would not do: number spellings of any size (1e999), lone surrogate escapes,
// and duplicate keys are accepted by JSON.parse and must pass through unchanged.
// Pure functions. Limits: depth; the output is never longer than the input.
// Tests: tests/unit/wire/json_gate_test.cc; against Node's JSON.parse in
// tests/integration/json_gate_node.mjs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace livehub::wire {

inline constexpr unsigned kJsonDepthMax = 512;

struct JsonGateResult {
  bool ok;
  size_t error_offset;  // bytes; the end of the input where that came too early
  const char* error;    // a static sentence, nullptr where ok
};

// The input is valid UTF-8 (the caller has replaced what was not). out is replaced; it is empty
// after an error. It keeps its capacity, so that a caller may reuse it. depth_max: how many arrays
// and objects may be open at once, at most kJsonDepthMax.
[[nodiscard]] JsonGateResult json_compact(std::string_view in, std::string& out,
                                          unsigned depth_max = kJsonDepthMax);

// The error as a sentence with its place: byte offset from 0, line and column from 1. Plain ASCII
// without quotes, backslashes or control characters.
[[nodiscard]] std::string json_error_message(std::string_view in, const JsonGateResult& result);

// A JSON string literal, quotes included, on one line.
[[nodiscard]] std::string json_quote(std::string_view utf8);

}  // namespace livehub::wire
