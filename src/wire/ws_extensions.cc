#include "wire/ws_extensions.h"

#include <algorithm>
#include <array>
#include <optional>

#include "wire/http_guard.h"

namespace livehub::wire {
namespace {

// A field's value from its front on. White space may stand around every word.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) { skip_space(); }

  bool is_at_end() const { return text_.empty(); }
  bool take(char mark) {
    if (text_.empty() || text_.front() != mark) return false;
    text_.remove_prefix(1);
    skip_space();
    return true;
  }
  std::optional<std::string> token() {
    const auto end = std::ranges::find_if_not(text_, is_token_char);
    const auto bytes = static_cast<size_t>(end - text_.begin());
    if (bytes == 0) return std::nullopt;
    std::string word(text_.substr(0, bytes));
    text_.remove_prefix(bytes);
    skip_space();
    return word;
  }
  // A token, or a quoted string whose content is one (RFC 6455 9.1).
  std::optional<std::string> value() {
    if (text_.empty() || text_.front() != '"') return token();
    std::string word;
    for (size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        text_.remove_prefix(i + 1);
        skip_space();
        return is_token(word) ? std::optional(word) : std::nullopt;
      }
      if (text_[i] == '\\' && ++i == text_.size()) break;
      word += text_[i];
    }
    return std::nullopt;
  }

 private:
  void skip_space() {
    const size_t bytes = text_.find_first_not_of(" \t");
    text_.remove_prefix(std::min(bytes, text_.size()));
  }
  std::string_view text_;
};

// 8 to 15, in plain digits (RFC 7692 7.1.2.1).
std::optional<int> window_bits(const std::optional<std::string>& value) {
  constexpr std::array<std::string_view, 8> kBits = {"8", "9", "10", "11", "12", "13", "14", "15"};
  const auto found = std::ranges::find(kBits, value.value_or(""));
  if (found == kBits.end()) return std::nullopt;
  return 8 + static_cast<int>(found - kBits.begin());
}

struct Offer {
  bool is_ours = false;  // permessage-deflate, and nothing wrong with it so far
  unsigned seen = 0;     // one bit a parameter
  bool names_our_window = false;

  void take_parameter(const std::string& name, const std::optional<std::string>& value) {
    constexpr std::array<std::string_view, 4> kNames = {
        "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits",
        "client_max_window_bits"};
    const auto index = static_cast<unsigned>(std::ranges::find(kNames, name) - kNames.begin());
    if (index == kNames.size() || (seen & 1u << index) != 0) return refuse();
    seen |= 1u << index;
    if (index < 2 && value) return refuse();
    if (index == 2) names_our_window = true;
    if (index == 2 && window_bits(value) != 15) return refuse();
    if (index == 3 && value && !window_bits(value)) return refuse();
  }

 private:
  void refuse() { is_ours = false; }
};

// One offer off the front; nothing where it breaks the grammar.
std::optional<Offer> take_offer(Words& words) {
  const auto name = words.token();
  if (!name) return std::nullopt;
  Offer offer;
  offer.is_ours = *name == "permessage-deflate";
  while (words.take(';')) {
    const auto parameter = words.token();
    if (!parameter) return std::nullopt;
    std::optional<std::string> value;
    if (words.take('=')) {
      value = words.value();
      if (!value) return std::nullopt;
    }
    offer.take_parameter(*parameter, value);
  }
  return offer;
}

void agree(const Offer& offer, WsDeflateOutcome& outcome) {
  outcome.is_agreed = true;
  outcome.answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  // Who names the size of our window gets it named back (RFC 7692 7.1.2.1).
  if (offer.names_our_window) outcome.answer += "; server_max_window_bits=15";
}

}  // namespace

WsDeflateOutcome answer_ws_deflate(std::span<const std::string_view> fields) {
  WsDeflateOutcome outcome;
  for (const std::string_view field : fields) {
    Words words(field);
    while (!words.is_at_end()) {
      if (words.take(',')) continue;  // RFC 9110 5.6.1: empty elements do not count
      const auto offer = take_offer(words);
      const bool is_whole = offer && (words.is_at_end() || words.take(','));
      if (!is_whole) return {.is_malformed = true};
      if (offer->is_ours && !outcome.is_agreed) agree(*offer, outcome);
    }
  }
  return outcome;
}

}  // namespace livehub::wire
