// Names and values of the settings' table as text: their spellings, what is allowed, and reading
// it.
#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <vector>

#include "auth/ip_address.h"
#include "auth/origin.h"
#include "server/setting_table.h"

namespace livehub::server {
namespace {

constexpr size_t kSecretBytesMax = 4096;

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const size_t bar = std::min(words.find('|'), words.size());
    out.push_back(words.substr(0, bar));
    words.remove_prefix(std::min(bar + 1, words.size()));
  }
  return out;
}

// "64k" where that is exact, else plain digits.
std::string bytes_text(uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const auto& [shift, suffix] : {std::pair(30, 'g'), std::pair(20, 'm'), std::pair(10, 'k')})
    if (bytes % (uint64_t{1} << shift) == 0) return std::to_string(bytes >> shift) + suffix;
  return std::to_string(bytes);
}

std::optional<uint64_t> parse_whole(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    switch (text.back()) {
      case 'k':
      case 'K':
        shift = 10;
        break;
      case 'm':
      case 'M':
        shift = 20;
        break;
      case 'g':
      case 'G':
        shift = 30;
        break;
      default:
        break;
    }
  }
  if (shift > 0) text.remove_suffix(1);
  const std::optional<uint64_t> number = parse_whole(text);
  if (!number || *number > UINT64_MAX >> shift) return std::nullopt;
  return *number << shift;
}

std::optional<double> parse_seconds(std::string_view text) {
  // Digits and a point only: from_chars would also take "inf" and a sign.
  if (text.find_first_not_of("0123456789.") != text.npos) return std::nullopt;
  double seconds = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

std::optional<SettingValue> number_value(const Setting& setting, std::string_view text) {
  if (setting.words == "auto" && lower_case(text) == "auto") {
    SettingValue value;
    value.text = "auto";
    value.is_auto = true;
    return value;
  }
  const bool is_bytes =
      setting.type == SettingType::kBytes || setting.type == SettingType::kPowerOfTwo;
  const std::optional<uint64_t> number = is_bytes ? parse_bytes(text) : parse_whole(text);
  if (!number || *number < setting.least || *number > setting.most) return std::nullopt;
  if (setting.type == SettingType::kPowerOfTwo && !std::has_single_bit(*number))
    return std::nullopt;
  SettingValue value;
  value.text = std::to_string(*number);
  value.number = *number;
  return value;
}

std::optional<SettingValue> seconds_value(const Setting& setting, std::string_view text) {
  const std::optional<double> seconds = parse_seconds(text);
  if (!seconds || *seconds < static_cast<double>(setting.least) ||
      *seconds > static_cast<double>(setting.most))
    return std::nullopt;
  SettingValue value;
  value.text = text;
  value.seconds = *seconds;
  return value;
}

std::optional<SettingValue> choice_value(const Setting& setting, std::string_view text) {
  SettingValue value;
  value.text = lower_case(text);
  const std::vector<std::string_view> words = split_words(setting.words);
  if (std::find(words.begin(), words.end(), value.text) == words.end()) return std::nullopt;
  return value;
}

std::optional<SettingValue> bool_value(std::string_view text) {
  const std::string word = lower_case(text);
  const bool is_yes = word == "1" || word == "true" || word == "yes" || word == "on";
  const bool is_no = word == "0" || word == "false" || word == "no" || word == "off";
  if (!is_yes && !is_no) return std::nullopt;
  SettingValue value;
  value.text = is_yes ? "1" : "0";
  value.number = is_yes ? 1 : 0;
  return value;
}

bool is_address(std::string_view text) {
  if (text == "localhost") return true;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  const std::string literal(text);
  in6_addr address;
  return ::inet_pton(AF_INET, literal.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, literal.c_str(), &address) == 1;
}

bool is_secret_text(std::string_view text) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
  return !text.empty() && text.size() <= kSecretBytesMax && text.front() != ' ' &&
         text.back() != ' ' && std::none_of(text.begin(), text.end(), is_control);
}

std::optional<SettingValue> text_value(bool is_allowed, std::string_view text) {
  if (!is_allowed) return std::nullopt;
  SettingValue value;
  value.text = text;
  return value;
}

std::optional<SettingValue> value_of(const Setting& setting, std::string_view text) {
  std::string error;
  switch (setting.type) {
    case SettingType::kInteger:
    case SettingType::kBytes:
    case SettingType::kPowerOfTwo:
    case SettingType::kMilliseconds:
      return number_value(setting, text);
    case SettingType::kSeconds:
      return seconds_value(setting, text);
    case SettingType::kChoice:
      return choice_value(setting, text);
    case SettingType::kBool:
      return bool_value(text);
    case SettingType::kAddress:
      return text_value(is_address(text), text);
    case SettingType::kNetworks:
      return text_value(auth::NetworkList::parse(text, error).has_value(), text);
    case SettingType::kOrigins:
      return text_value(auth::OriginList::parse(text, error).has_value(), text);
    case SettingType::kFile:
      return text_value(!text.empty(), text);
    case SettingType::kSecret:
    case SettingType::kText:
      return text_value(is_secret_text(text) && text.size() >= setting.least, text);
  }
  return std::nullopt;
}

std::string choices_text(std::string_view words) {
  const std::vector<std::string_view> list = split_words(words);
  if (list.size() == 1) return std::string(list[0]) + ", the only one there is";
  std::string out = "one of ";
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += i + 1 == list.size() ? " or " : ", ";
    out += list[i];
  }
  return out;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string setting_key(std::string_view name) {
  if (name.starts_with("--")) name.remove_prefix(2);
  std::string key = lower_case(name);
  std::replace(key.begin(), key.end(), '-', '_');
  constexpr std::string_view kPrefix = "livehub_";
  return key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
}

std::string setting_flag(std::string_view name) {
  std::string flag = setting_key(name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return "--" + flag;
}

std::string secret_file_name(const Setting& secret) { return std::string(secret.name) + "_FILE"; }

std::string allowed_text(const Setting& setting) {
  const std::string also = setting.words == "auto" ? ", or auto" : "";
  const std::string range =
      "from " + std::to_string(setting.least) + " to " + std::to_string(setting.most);
  const std::string byte_range =
      "from " + bytes_text(setting.least) + " to " + bytes_text(setting.most);
  switch (setting.type) {
    case SettingType::kInteger:
      return "a whole number " +
             (setting.unit.empty() ? "" : "of " + std::string(setting.unit) + " ") + range + also;
    case SettingType::kBytes:
      return "a number of bytes " + byte_range + ", as in 512k or 4m" + also;
    case SettingType::kPowerOfTwo:
      return "a power of two of bytes " + byte_range + ", as in 512k or 4m" + also;
    case SettingType::kSeconds:
      return "seconds " + range + ", as in 4 or 2.5";
    case SettingType::kMilliseconds:
      return "a whole number of milliseconds " + range;
    case SettingType::kChoice:
      return choices_text(setting.words);
    case SettingType::kBool:
      return "1 or 0 (also true, false, yes, no, on, off)";
    case SettingType::kAddress:
      return "an IPv4 or IPv6 address, or localhost";
    case SettingType::kNetworks:
      return "networks with commas between, as in 10.0.0.0/8, or none";
    case SettingType::kOrigins:
      return "origins with commas between, as in https://a.example, or *";
    case SettingType::kFile:
      return "the path of a file";
    case SettingType::kSecret:
    case SettingType::kText:
      return std::to_string(std::max<uint64_t>(setting.least, 1)) + " to " +
             std::to_string(kSecretBytesMax) +
             " bytes without control characters, and no blank at the beginning or end";
  }
  return {};
}

std::optional<SettingValue> parse_setting(const Setting& setting, std::string_view text,
                                          std::string& why) {
  std::optional<SettingValue> value = value_of(setting, text);
  if (value) return value;
  why = "give " + allowed_text(setting);
  // The list's own sentence names the entry.
  if (setting.type == SettingType::kNetworks) (void)auth::NetworkList::parse(text, why);
  if (setting.type == SettingType::kOrigins) (void)auth::OriginList::parse(text, why);
  return std::nullopt;
}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  const std::string key = setting_key(name);
  std::string nearest;
  size_t least = std::max<size_t>(2, key.size() / 4) + 1;  // further away it is another word
  for (const std::string& candidate : known) {
    const size_t distance = edit_distance(key, setting_key(candidate));
    if (distance >= least || distance >= key.size()) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace livehub::server
