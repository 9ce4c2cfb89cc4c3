// The settings as `serve` would have them, each with where it came from. startup.
// Tests: tests/unit/tool/effective_test.cc, tests/integration/tools.test.mjs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/setting_table.h"
#include "server/settings.h"
#include "tool/command.h"

namespace livehub::tool {

struct Effective {
  std::optional<server::Settings> settings;
  std::string error;
};

// From the command's flags, the environment and the file.
[[nodiscard]] Effective load_effective(const Invocation& invocation);

struct EffectiveRow {
  const server::Setting* setting = nullptr;
  std::string value;   // secrets: "(set)" or nothing
  std::string source;  // "default" where nobody gave it
};

// Those of the chosen profile, in the table's order.
[[nodiscard]] std::vector<EffectiveRow> effective_rows(const server::Settings& settings);
// What the table says of a default, or the profile's own where it has one.
[[nodiscard]] std::string default_of(const server::Setting& setting, std::string_view profile);

// Numbers as the engine has them, by name: the reverse of the table's `apply`.
[[nodiscard]] std::optional<std::string> engine_value(const EngineOptions& engine,
                                                      std::string_view name);

}  // namespace livehub::tool
