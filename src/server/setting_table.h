// Every setting once: its names, type, limits, default and help. Validation, the command line and
// its help are made from this table. To add a setting, add a row (src/server/setting_rows_*.cc). A
// name stands in one row only, whichever profiles have it. immutable. Tests:
// tests/unit/server/settings_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace livehub::server {

struct Settings;

enum class SettingType : uint8_t {
  kInteger,
  kBytes,         // digits, then nothing or k, m or g (of 1024)
  kPowerOfTwo,    // kBytes that are one
  kSeconds,       // decimal: 4 or 2.5
  kMilliseconds,  // whole
  kChoice,        // of `words`, any case
  kBool,          // 1 0 true false yes no on off
  kAddress,       // an IPv4 or IPv6 literal, or localhost
  kNetworks,      // comma list for auth::NetworkList, or none
  kOrigins,       // comma list for auth::OriginList
  kFile,          // a path
  kSecret,        // never a flag; NAME_FILE names a file that holds it; URLs with passwords too
  kText,          // one line
};

// A value that was understood.
struct SettingValue {
  std::string text;     // normal form: plain digits, lower-case choice
  uint64_t number = 0;  // whole numbers and bool; 0 for `auto`
  double seconds = 0;   // kSeconds
  bool is_auto = false;
};

struct Setting {
  std::string_view name;  // in the environment; flag and TOML key follow from it
  std::string_view group;
  SettingType type = SettingType::kInteger;
  std::string_view default_text{};  // empty: none
  std::string_view help;            // one sentence
  uint64_t least = 0;               // of numbers, inclusive, in the type's unit; bytes of secrets
  uint64_t most = 0;
  std::string_view words{};    // kChoice: "a|b|c"; numbers: "auto" where it is allowed beside them
  std::string_view unit{};     // of kInteger, as in "seconds"
  std::string_view profile{};  // whose contracts have it, "a|b"; empty: every profile's
  bool has_no_effect = false;  // a contract has it, and here it changes nothing
  void (*apply)(Settings&, const SettingValue&) = nullptr;  // none: a profile's, or LIVEHUB_CONFIG
  bool reloads = false;                                     // SIGHUP changes it (docs/OPERATING.md)
};

[[nodiscard]] std::span<const Setting> setting_table();
[[nodiscard]] bool is_setting_of(const Setting& setting, std::string_view profile);

// Any spelling of a name (environment, flag, TOML) as a TOML key has it: lower case, without
// LIVEHUB_.
[[nodiscard]] std::string setting_key(std::string_view name);
[[nodiscard]] std::string setting_flag(std::string_view name);      // "--history-count"
[[nodiscard]] std::string secret_file_name(const Setting& secret);  // "LIVE_PUSH_TOKEN_FILE"

// What is allowed, as in "a whole number from 0 to 65535".
[[nodiscard]] std::string allowed_text(const Setting& setting);
// The value, or nothing and in `why` what is allowed.
[[nodiscard]] std::optional<SettingValue> parse_setting(const Setting& setting,
                                                        std::string_view text, std::string& why);

// The nearest of `known` to `name` by spelling, compared as keys; empty if none is near.
[[nodiscard]] std::string nearest_name(std::string_view name, std::span<const std::string> known);

}  // namespace livehub::server
