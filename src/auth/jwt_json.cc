// Texts into values, more strictly than the libraries do it: what has two readings is refused.
#include <set>

#include "auth/jwt_keys.h"

namespace livehub::auth {
namespace {

using Json = nlohmann::json;

constexpr size_t kDepthMax = 16;

// Looks at a document's shape only; false ends the parse.
class StrictShape : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return enter(); }
  bool key(string_t& name) override { return names_.back().insert(name).second; }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool enter() {
    names_.emplace_back();
    return names_.size() <= kDepthMax;
  }
  bool leave() {
    names_.pop_back();
    return true;
  }
  std::vector<std::set<std::string>> names_;  // of each open object; arrays have none
};

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  const bool is_canonical = (bits & ((1u << count) - 1)) == 0;  // no bits beyond the last byte
  return is_canonical ? std::optional(std::move(bytes)) : std::nullopt;
}

// The library stops at a NUL as if the text ended there, and skips a byte order mark before it.
std::optional<Json> parse_strict_object(std::string_view text) {
  if (text.find('\0') != text.npos || text.starts_with("\xef\xbb\xbf")) return std::nullopt;
  StrictShape shape;
  if (!Json::sax_parse(text, &shape)) return std::nullopt;
  Json value = Json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

}  // namespace livehub::auth
