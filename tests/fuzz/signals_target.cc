// Entries of a signals stream. What goes out is one JSON object on one line that the site's client
// takes; it stays what it is when it is read again. And times: what is written, is read.
#include <nlohmann/json.hpp>

#include <string>

#include "fuzz.h"
#include "profile/iso_time.h"
#include "profile/signals_entry.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

using Json = nlohmann::ordered_json;

void must_be_line(std::string_view text) {
  std::string compact;
  MUST(wire::utf8_valid(text) && wire::json_compact(text, compact).ok && compact == text,
       "what goes out is JSON on one line");
}

void check_entry(const SignalEntry& entry) {
  MUST(entry.json.empty() == (*entry.flaw != '\0'), "what is left out has a reason, else none");
  if (entry.json.empty()) return;
  must_be_line(entry.json);
  const Json signal = Json::parse(entry.json);
  for (const char* name : {"id", "pair", "side", "strategy", "mode"})
    MUST(signal.contains(name) && signal[name].is_string(), "its texts are texts");
  MUST(signal["ts"].is_number_integer() && signal["ts"].get<int64_t>() > 0, "its time is one");
  MUST(signal["entry"].is_number() && signal["entry"].get<double>() > 0, "its price is one");
  const double confidence = signal["confidence"].get<double>();
  MUST(confidence >= 0 && confidence <= 1, "its confidence is within 0 and 1");
  MUST(signal["side"] == "buy" || signal["side"] == "sell", "its side is one of two");
  MUST(signal["mode"] == "paper" || signal["mode"] == "live", "its mode is one of two");
  MUST(!signal.contains("_metadata"), "metadata is ours to add");
  MUST(signal["pair"] == entry.pair, "the filter sees its pair");
  must_be_line(with_metadata(entry.json, "1-1", -5, "signals:paper"));
  // Before 1973 milliseconds cannot be told from seconds.
  if (signal["ts"].get<int64_t>() < 100'000'000'000) return;
  const SignalEntry again = read_signal({{"json", entry.json}}, "paper");
  MUST(again.json == entry.json, "a signal that is read again stays what it is");
}

void check_time(std::string_view text) {
  const std::optional<int64_t> ms = parse_iso_ms(text);
  if (!ms) return;
  constexpr int64_t kYear0 = -62'167'219'200'000, kYear10000 = 253'402'300'800'000;
  if (*ms >= kYear0 && *ms < kYear10000)
    MUST(parse_iso_ms(iso_time(*ms)) == ms, "a time that is written is read again");
}

FUZZ_TARGET(signals) {
  check_time(input.substr(0, 40));
  SignalFields fields;
  fuzz::Input parts(input);
  while (!parts.empty()) {
    const std::string_view name = parts.until('\x1f');
    fields.emplace_back(name, parts.until('\x1e'));
  }
  check_entry(read_signal(fields, "paper"));
  check_entry(read_signal({{"json", input}}, "live"));
}

}  // namespace
}  // namespace livehub::profile
