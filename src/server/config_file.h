// A TOML file of settings, read and flattened: one entry per key, each with the line it stands on.
// startup. Limits: 1 MB. Tests: tests/unit/server/settings_test.cc.
#pragma once

#include <string>
#include <vector>

namespace livehub::server {

struct ConfigEntry {
  std::string key;
  std::string
      text;  // numbers and booleans as they are written elsewhere; lists with commas between
  bool is_string = false;  // a string, or a list of them
  unsigned line = 0;
};

struct ConfigFile {
  std::vector<ConfigEntry> entries;
  std::string error;  // not empty: one sentence with the file and, if it was read, the line
};

[[nodiscard]] ConfigFile read_config_file(const std::string& path);

// The whole file, at most `bytes_max` of it; false and a reason, as in "No such file or directory".
[[nodiscard]] bool read_small_file(const std::string& path, size_t bytes_max, std::string& text,
                                   std::string& why);

}  // namespace livehub::server
