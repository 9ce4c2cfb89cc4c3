// PostgreSQL's notifications: names and payloads. The two members are found where a whole JSON
// parser finds them, and what goes out is one JSON text on one line with the row as its bytes are.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

#include "fuzz.h"
#include "profile/pg_updates_rules.h"
#include "source/pg_url.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

using Json = nlohmann::json;
using Rules = PgUpdatesRules;

bool is_inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// What nlohmann cannot hold and JSON.parse can: the parser there is no reference for it.
bool is_beyond(std::string_view text) { return Json::parse(text, nullptr, false).is_discarded(); }

void check_parts(std::string_view text) {
  ChangeParts parts;
  std::string scratch;
  const bool is_found = find_change_parts(text, parts, scratch);
  MUST(is_inside(parts.operation, text) && is_inside(parts.data, text), "parts lie in their text");
  const bool is_json = wire::utf8_valid(text) && wire::json_compact(text, scratch).ok;
  MUST(!is_found || is_json, "nothing is found in what is no JSON");
  if (!is_json || is_beyond(text)) return;
  const Json whole = Json::parse(text);
  const bool has_both = whole.is_object() && whole.contains("operation") &&
                        whole["operation"].is_string() && whole.contains("data");
  MUST(is_found == has_both, "both members are found where there are both");
  if (!is_found) return;
  MUST(Json::parse(parts.operation) == whole["operation"], "the operation is the right one");
  MUST(Json::parse(parts.data) == whole["data"], "the data are the right ones");
}

void check_translation(Rules& rules, std::string_view name, std::string_view payload) {
  std::string out, compact;
  if (rules.translate(name, payload, 1'800'000'000'000, out) != Rules::Verdict::kSend) return;
  MUST(wire::utf8_valid(out) && wire::json_compact(out, compact).ok, "what goes out is JSON");
  MUST(out.find_first_of(std::string_view("\r\n\0", 3)) == out.npos, "what goes out is one line");
  // Its twin, of the other spelling, is sent once only; a true repeat is sent.
  Rules twins(Rules::Spelling::kBoth);
  std::string other(name);
  other[5] = static_cast<char>(other[5] ^ 0x20);
  using Verdict = Rules::Verdict;
  MUST(twins.translate(name, payload, 1000, out) == Verdict::kSend, "the first goes out");
  out.clear();
  MUST(twins.translate(other, payload, 1001, out) == Verdict::kDrop, "its twin does not");
  MUST(twins.translate(name, payload, 1002, out) == Verdict::kSend, "a repeat does");
}

FUZZ_TARGET(pg_updates) {
  check_parts(input);
  fuzz::Input parts(input);
  const std::string_view name = parts.until('|');
  Rules rules(Rules::Spelling::kMixed);
  check_translation(rules, name, parts.rest());
  check_translation(rules, "user_usage_u1", input);

  if (Rules::is_user(name)) {
    const std::string own = Rules::channel_of_user(name);
    for (const std::string& listened : Rules(Rules::Spelling::kBoth).names(own)) {
      std::string channel;
      MUST(rules.channel_of(listened, channel) && channel == own, "a name leads to its user only");
      MUST(source::pg_name_fits(listened), "a user's names are names");
    }
  }
  const std::string quoted = source::pg_quote_name(input);
  MUST(quoted.size() >= 2 && quoted.front() == '"' && quoted.back() == '"', "a name is quoted");
  const std::string_view inner = std::string_view(quoted).substr(1, quoted.size() - 2);
  for (size_t i = 0; i < inner.size(); ++i)
    if (inner[i] == '"') MUST(++i < inner.size() && inner[i] == '"', "no quote ends it early");
}

}  // namespace
}  // namespace livehub::profile
