#include "server/config_file.h"

#include <toml++/toml.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

namespace livehub::server {
namespace {

constexpr size_t kConfigBytesMax = 1 << 20;

std::string decimal_text(double number) {
  std::array<char, 512> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return error == std::errc() ? std::string(text.data(), end) : std::string();
}

bool join_strings(const toml::array& list, std::string& text) {
  for (const toml::node& item : list) {
    const auto* word = item.as_string();
    if (word == nullptr) return false;
    if (!text.empty()) text += ',';
    text += word->get();
  }
  return true;
}

// False for what no setting can be: a table, a date, a list of other things.
bool flatten(const toml::node& node, ConfigEntry& entry) {
  if (const auto* text = node.as_string()) {
    entry.text = text->get();
    entry.is_string = true;
  } else if (const auto* number = node.as_integer()) {
    entry.text = std::to_string(number->get());
  } else if (const auto* decimal = node.as_floating_point()) {
    entry.text = decimal_text(decimal->get());
  } else if (const auto* boolean = node.as_boolean()) {
    entry.text = boolean->get() ? "true" : "false";
  } else if (const auto* list = node.as_array()) {
    entry.is_string = true;
    return join_strings(*list, entry.text);
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool read_small_file(const std::string& path, size_t bytes_max, std::string& text,
                     std::string& why) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  errno = file ? 0 : errno;
  if (file) {
    text.resize(bytes_max + 1);
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  }
  if (!file || std::ferror(file.get())) {
    why = strerrordesc_np(errno);
    return false;
  }
  if (text.size() > bytes_max) why = "it is larger than " + std::to_string(bytes_max) + " bytes";
  return text.size() <= bytes_max;
}

ConfigFile read_config_file(const std::string& path) {
  ConfigFile file;
  std::string text, why;
  if (!read_small_file(path, kConfigBytesMax, text, why)) {
    file.error = "The settings file " + path + " cannot be read: " + why + ".";
    return file;
  }
  // Exceptions do not pass start-up: toml++ tells of bad syntax with one.
  try {
    const toml::table table = toml::parse(text, path);
    for (const auto& [key, node] : table) {
      ConfigEntry entry;
      entry.key = key.str();
      entry.line = static_cast<unsigned>(key.source().begin.line);
      if (!flatten(node, entry)) {
        file.error =
            entry.key + " in " + path + ":" + std::to_string(entry.line) +
            " is not a setting: each is one key at the top of the file, as in port = 8787.";
        return file;
      }
      file.entries.push_back(std::move(entry));
    }
  } catch (const toml::parse_error& error) {
    file.error = path + ":" + std::to_string(error.source().begin.line) +
                 " is not TOML: " + std::string(error.description()) + ".";
  }
  return file;
}

}  // namespace livehub::server
