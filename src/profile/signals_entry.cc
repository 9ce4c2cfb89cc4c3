#include "profile/signals_entry.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "base/text.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kDepthMax = 16;
constexpr size_t kBytesMax = 64 * 1024;
// Later than that, a time was given in milliseconds; earlier, in seconds.
constexpr double kSecondsMost = 1e11;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

// What publishers write where they have nothing.
bool is_nothing(const Json& value) {
  if (value.is_null()) return true;
  if (!value.is_string()) return false;
  const std::string text = lower(base::trimmed(value.get_ref<const std::string&>()));
  return text.empty() || text == "null" || text == "none" || text == "nan" || text == "undefined";
}

// A number, as it was written if it was one; from a string with nothing around it.
std::optional<Json> number_of(const Json& value) {
  if (value.is_number())
    return std::isfinite(value.get<double>()) ? std::optional<Json>(value) : std::nullopt;
  if (!value.is_string()) return std::nullopt;
  std::string_view text = base::trimmed(value.get_ref<const std::string&>());
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  int64_t whole = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, whole);
      error == std::errc() && at == end)
    return Json(whole);
  double real = 0;
  const auto [at, error] = std::from_chars(text.data(), end, real);
  if (error != std::errc() || at != end || !std::isfinite(real)) return std::nullopt;
  return Json(real);
}

// Where values are looked for: in the object first, then among the flat fields.
class Sources {
 public:
  Sources(const Json* object, const SignalFields& fields) : object_(object), fields_(fields) {}

  // The first of these names whose value `accept` takes. `was_given`: there was some value.
  template <class Accept>
  auto first(std::span<const std::string_view> names, Accept accept, bool& was_given) const
      -> decltype(accept(Json())) {
    was_given = false;
    for (const std::string_view name : names) {
      if (!object_) break;
      const auto found = object_->find(name);
      if (found == object_->end() || is_nothing(*found)) continue;
      was_given = true;
      if (auto value = accept(*found)) return value;
    }
    for (const std::string_view name : names) {
      for (const auto& [field, text] : fields_) {
        if (field != name || is_nothing(Json(text))) continue;
        was_given = true;
        if (auto value = accept(Json(text))) return value;
      }
    }
    return {};
  }

 private:
  const Json* object_;
  const SignalFields& fields_;
};

std::optional<Json> text_of(const Json& value) {
  if (value.is_string()) return value;
  if (value.is_number_integer()) return Json(value.dump());
  return std::nullopt;
}

std::optional<Json> side_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string side = lower(base::trimmed(value.get_ref<const std::string&>()));
  if (side == "buy" || side == "long") return Json("buy");
  if (side == "sell" || side == "short") return Json("sell");
  return std::nullopt;
}

std::optional<Json> time_of(const Json& value) {
  if (const auto number = number_of(value)) {
    double ms = number->get<double>();
    if (ms < kSecondsMost) ms *= 1000;
    if (ms < 1 || ms > 9e15) return std::nullopt;
    return Json(static_cast<int64_t>(ms));
  }
  if (!value.is_string()) return std::nullopt;
  const auto ms = parse_iso_ms(base::trimmed(value.get_ref<const std::string&>()));
  return ms && *ms > 0 ? std::optional<Json>(*ms) : std::nullopt;
}

std::optional<Json> price_of(const Json& value) {
  auto number = number_of(value);
  return number && number->get<double>() > 0 ? number : std::nullopt;
}

std::optional<Json> confidence_of(const Json& value) {
  auto number = number_of(value);
  return number && number->get<double>() >= 0 && number->get<double>() <= 1 ? number : std::nullopt;
}

std::optional<Json> mode_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string mode = lower(base::trimmed(value.get_ref<const std::string&>()));
  return mode == "paper" || mode == "live" ? std::optional<Json>(mode) : std::nullopt;
}

struct Property {
  std::string_view name;
  std::array<std::string_view, 3> names;
  std::optional<Json> (*accept)(const Json&);
  bool is_optional;
  const char* flaw;
};

// In the order in which they are written.
constexpr std::array kProperties = {
    Property{"id", {"id", "signal_id", "id"}, text_of, false, "no id"},
    Property{"ts", {"ts", "ts_ms", "timestamp"}, time_of, false, "no time"},
    Property{"pair", {"pair", "symbol", "pair"}, text_of, false, "no pair"},
    Property{"side", {"side", "direction", "side"}, side_of, false, "no side"},
    Property{"entry", {"entry", "entry_price", "entry"}, price_of, false, "no entry price"},
    Property{"sl", {"sl", "stop_loss", "sl"}, price_of, true, "bad stop loss"},
    Property{"tp", {"tp", "take_profit", "tp"}, price_of, true, "bad take profit"},
    Property{"strategy", {"strategy", "strategy", "strategy"}, text_of, false, "no strategy"},
    Property{"confidence",
             {"confidence", "confidence", "confidence"},
             confidence_of,
             false,
             "no confidence"},
};

bool is_known(std::string_view name) {
  if (name == "mode" || name == "_metadata") return true;
  for (const Property& property : kProperties)
    for (const std::string_view each : property.names)
      if (each == name) return true;
  return false;
}

// The object of field `json`; nullopt with `flaw` if it is there and is none.
std::optional<Json> read_object(const SignalFields& fields, const char*& flaw) {
  for (const auto& [name, text] : fields) {
    if (name != "json") continue;
    std::string compact;
    // The gate bounds the depth: what is written later goes down as far as what was read.
    if (!wire::json_compact(text, compact, kDepthMax).ok) {
      flaw = "bad JSON";
      return std::nullopt;
    }
    Json object = Json::parse(compact, nullptr, false);
    if (object.is_object()) return object;
    flaw = "bad JSON";
    return std::nullopt;
  }
  return std::nullopt;
}

const char* fill(Json& signal, const Sources& sources, std::string_view mode) {
  for (const Property& property : kProperties) {
    bool was_given = false;
    auto value = sources.first(property.names, property.accept, was_given);
    if (value)
      signal[std::string(property.name)] = std::move(*value);
    else if (was_given || !property.is_optional)
      return property.flaw;
  }
  constexpr std::array<std::string_view, 1> kMode = {"mode"};
  bool was_given = false;
  auto own = sources.first(kMode, mode_of, was_given);
  signal["mode"] = own ? std::move(*own) : Json(mode);
  return nullptr;
}

}  // namespace

SignalEntry read_signal(const SignalFields& fields, std::string_view mode) {
  SignalEntry out;
  size_t bytes = 0;
  for (const auto& [name, text] : fields) {
    bytes += name.size() + text.size();
    if (wire::utf8_valid(name) && wire::utf8_valid(text)) continue;
    out.flaw = "bad UTF-8";
    return out;
  }
  if (bytes > kBytesMax) {
    out.flaw = "too large";
    return out;
  }
  const char* flaw = nullptr;
  const std::optional<Json> object = read_object(fields, flaw);
  Json signal = Json::object();
  if (!flaw) flaw = fill(signal, Sources(object ? &*object : nullptr, fields), mode);
  if (flaw) {
    out.flaw = flaw;
    return out;
  }
  out.pair = signal["pair"].get<std::string>();
  if (object)
    for (const auto& [name, value] : object->items())
      if (!is_known(name)) signal[name] = value;
  out.json = signal.dump();
  return out;
}

std::string with_metadata(std::string_view json, std::string_view message_id, int64_t latency_ms,
                          std::string_view stream) {
  std::string out(json.substr(0, json.size() - 1));
  out += ",\"_metadata\":{\"message_id\":" + wire::json_quote(message_id);
  out += ",\"latency_ms\":" + std::to_string(latency_ms);
  out += ",\"stream\":" + wire::json_quote(stream) + "}}";
  return out;
}

namespace {

// Reads a fixed number of digits from the front.
bool take_digits(std::string_view& text, size_t count, int& value) {
  if (text.size() < count) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || end != text.data() + count || text[0] == '-') return false;
  text.remove_prefix(count);
  return true;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// Days since 1970-01-01 of the proleptic Gregorian calendar: years begin in March, so that the leap
// day is their last.
int64_t days_of(int year, int month, int day) {
  const int64_t y = year - (month <= 2 ? 1 : 0);
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return 365 * y + y / 4 - y / 100 + y / 400 + of_year - 719'468;
}

// "", "Z", "+02:00", "-0530", "+02": minutes east of Greenwich.
bool take_zone(std::string_view& text, int& minutes) {
  minutes = 0;
  if (text.empty() || take(text, "Zz")) return text.empty();
  const bool is_west = text[0] == '-';
  int hours = 0, rest = 0;
  if (!take(text, "+-") || !take_digits(text, 2, hours)) return false;
  if (!text.empty()) {
    (void)take(text, ":");
    if (!take_digits(text, 2, rest)) return false;
  }
  minutes = (hours * 60 + rest) * (is_west ? -1 : 1);
  return text.empty() && hours < 24 && rest < 60;
}

}  // namespace

std::optional<int64_t> parse_iso_ms(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_digits(text, 4, year) || !take(text, "-") || !take_digits(text, 2, month) ||
      !take(text, "-") || !take_digits(text, 2, day) || !take(text, "Tt ") ||
      !take_digits(text, 2, hour) || !take(text, ":") || !take_digits(text, 2, minute))
    return std::nullopt;
  int64_t ms = 0;
  if (take(text, ":")) {
    if (!take_digits(text, 2, second)) return std::nullopt;
    if (take(text, ".,")) {
      int digit = 0, weight = 100;
      if (!take_digits(text, 1, digit)) return std::nullopt;
      do {
        ms += digit * weight;
        weight /= 10;
      } while (!text.empty() && text[0] >= '0' && text[0] <= '9' && take_digits(text, 1, digit));
    }
  }
  int zone = 0;
  if (!take_zone(text, zone) || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
      minute > 59 || second > 60)
    return std::nullopt;
  const int64_t minutes = (days_of(year, month, day) * 24 + hour) * 60 + minute - zone;
  return (minutes * 60 + second) * 1000 + ms;
}

}  // namespace livehub::profile
