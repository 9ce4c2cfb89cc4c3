// The table of settings as documents: a JSON schema of the settings file, and the table of
// docs/OPERATING.md. startup. Tests: tests/unit/tool/schema_test.cc.
#pragma once

#include <string>

namespace livehub::tool {

// JSON Schema (2020-12) of the TOML file. Secrets are in it by their names, without values.
[[nodiscard]] std::string settings_schema();
// Markdown, a table per group: name, default, what is allowed, what it is.
[[nodiscard]] std::string settings_markdown();

}  // namespace livehub::tool
