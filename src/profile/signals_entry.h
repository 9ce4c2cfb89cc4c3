// An entry of a signals stream as the site's client wants it: the four shapes of entries that its
// publishers write become one, and what the client would reject is left out. Pure.
//
// Shapes: one field `json`; flat fields; flat fields under other names; `json` beside flat fields
// (then the object wins, name by name). Numbers may be strings. Tests:
// tests/unit/profile/signals_entry_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace livehub::profile {

// Name and value, as Redis has them.
using SignalFields = std::vector<std::pair<std::string_view, std::string_view>>;

struct SignalEntry {
  std::string json;       // an object on one line, without _metadata
  std::string pair;       // for the filter
  const char* flaw = "";  // if it is none: what is wrong; few and fixed words
};

// `mode`: of the stream, for entries that do not say it or say another. `json` is empty if the
// client would reject it.
[[nodiscard]] SignalEntry read_signal(const SignalFields& fields, std::string_view mode);

// The object with `_metadata` added.
[[nodiscard]] std::string with_metadata(std::string_view json, std::string_view message_id,
                                        int64_t latency_ms, std::string_view stream);

// Milliseconds of "2025-11-13T11:49:24.506Z" and its like: 'T' or a space, seconds and their
// fraction optional, zone `Z`, ±hh:mm, ±hhmm, or none for UTC.
[[nodiscard]] std::optional<int64_t> parse_iso_ms(std::string_view text);

}  // namespace livehub::profile
