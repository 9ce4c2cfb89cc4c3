// The settings, from a TOML file, the environment and flags at once. Either there are settings or
// there is one sentence; no secret is in it; what was understood means the same when it is given
// again in its normal form.
//
// Input: lines NAME=value are the environment up to a line "--", lines --name=value are flags; what
// follows "--" is the file. Names that make the loader read further files are left out.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>

#include "fuzz.h"
#include "server/setting_table.h"
#include "server/settings.h"

namespace livehub::server {
namespace {

using Environment = std::map<std::string, std::string>;

bool reads_files(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
  return low.find("_file") != low.npos || low.find("config") != low.npos ||
         low.find("\\u") != low.npos;
}

// A file that is nowhere, with a path all the same.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : fd_(memfd_create("settings", MFD_CLOEXEC)) {
    MUST(fd_ >= 0, "the target needs a memory file");
    MUST(write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "all of it");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  const int fd_;
};

const Setting* find(std::string_view name) {
  for (const Setting& setting : setting_table())
    if (setting.name == name) return &setting;
  return nullptr;
}

bool is_secret(std::string_view name) {
  const Setting* setting = find(name);
  return setting != nullptr && setting->type == SettingType::kSecret;
}

void check_sentence(const std::string& error) {
  MUST(error.find_first_of(std::string_view("\r\n\0", 3)) == error.npos, "one line");
  MUST(error.ends_with('.') || error.ends_with('?'), "a sentence has an end");
}

// With other secrets of the same sizes it is the same sentence, so there is nothing of them in it.
// Only capital letters are changed, so that a URL stays one.
void check_secrecy(const Environment& flags, const Environment& environment,
                   const std::string& path, const std::string& error) {
  Environment other = environment;
  for (auto& [name, text] : other)
    if (is_secret(name))
      for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = c == 'Z' ? 'A' : static_cast<char>(c + 1);
  const std::string again = load_settings(flags, other, path).error;
  for (const auto& [name, text] : environment)
    if (is_secret(name) && text != other[name] && text.size() >= 12)
      MUST(error.find(text) == error.npos || again.find(text) != again.npos,
           "no sentence holds a secret");
}

// In its normal form every value is taken again, and stays what it is.
void check_again(const Settings& settings) {
  for (const auto& [name, given] : settings.given) {
    const Setting* setting = find(name);
    if (setting == nullptr || setting->type == SettingType::kSecret) continue;
    std::string why;
    if (name == "LIVEHUB_CONFIG") continue;
    const auto again = parse_setting(*setting, given.text, why);
    MUST(again && again->text == given.text, "a normal form is its own normal form");
  }
}

FUZZ_TARGET(settings) {
  Environment environment, flags;
  fuzz::Input lines(input);
  while (!lines.empty()) {
    std::string_view line = lines.until('\n');
    if (line == "--") break;
    const bool is_flag = line.starts_with("--");
    if (is_flag) line.remove_prefix(2);
    if (reads_files(line) || line.find('=') == line.npos) continue;
    const std::string name(line.substr(0, line.find('=')));
    (is_flag ? flags : environment).emplace(name, line.substr(line.find('=') + 1));
  }
  const std::string_view text = lines.rest();
  if (reads_files(text)) return;
  const MemoryFile file(text);
  const SettingsResult result = load_settings(flags, environment, file.path());
  MUST(result.settings.has_value() == result.error.empty(), "settings, or a sentence");
  if (result.settings) return check_again(*result.settings);
  check_sentence(result.error);
  check_secrecy(flags, environment, file.path(), result.error);
}

}  // namespace
}  // namespace livehub::server
