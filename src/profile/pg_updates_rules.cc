#include "profile/pg_updates_rules.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/siphash.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

constexpr std::string_view kChannelStart = "pg:";

struct NameStart {
  std::string_view text;
  std::string_view table;  // as clients know it
  bool is_lower;
};
constexpr std::array kNameStarts = {
    NameStart{"user_subscription_", "subscription", true},
    NameStart{"user_usage_", "usage", true},
    NameStart{"user_Subscription_", "subscription", false},
    NameStart{"user_Usage_", "usage", false},
};

const NameStart* start_of(std::string_view name) {
  for (const NameStart& start : kNameStarts)
    if (name.starts_with(start.text)) return &start;
  return nullptr;
}

// Over a text that is known to be JSON: finds where things end, checks nothing.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  void space() {
    while (at_ < text_.size() && kSpace.find(text_[at_]) != kSpace.npos) ++at_;
  }
  bool takes(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view value() {
    space();
    const size_t begin = at_;
    size_t depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++depth, ++at_;
      } else if (c == '}' || c == ']') {
        --depth, ++at_;
      } else if (depth > 0) {
        ++at_;
      } else {
        at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
      }
    } while (depth > 0);
    return text_.substr(begin, at_ - begin);
  }

 private:
  static constexpr std::string_view kSpace = " \t\r\n";
  void string() {
    for (++at_; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  std::string_view text_;
  size_t at_ = 0;
};

// Names may be written with escapes; nobody does, but JSON.parse would read them.
bool is_key(std::string_view quoted, std::string_view name) {
  if (quoted.find('\\') == quoted.npos) return quoted.substr(1, quoted.size() - 2) == name;
  const nlohmann::json key = nlohmann::json::parse(quoted, nullptr, false);
  return key.is_string() && key.get_ref<const std::string&>() == name;
}

uint64_t hash_of(std::string_view table, const ChangeParts& parts) {
  uint64_t hash = base::siphash13({1, table.size()}, table);
  hash = base::siphash13({2, hash}, parts.operation);
  return base::siphash13({3, hash}, parts.data);
}

}  // namespace

bool find_change_parts(std::string_view text, ChangeParts& parts, std::string& scratch) {
  parts = {};
  if (!wire::utf8_valid(text) || !wire::json_compact(text, scratch).ok) return false;
  Scanner scanner(text);
  if (!scanner.takes('{')) return false;
  if (scanner.takes('}')) return false;
  do {
    const std::string_view key = scanner.value();
    (void)scanner.takes(':');
    const std::string_view value = scanner.value();
    if (is_key(key, "operation")) parts.operation = value;
    if (is_key(key, "data")) parts.data = value;
  } while (scanner.takes(','));
  return parts.operation.starts_with('"') && !parts.data.empty();
}

// --- twins ---

bool TwinChanges::was_sent(const std::string& user, bool is_lower, uint64_t change,
                           int64_t now_ms) {
  forget_old(now_ms);
  std::deque<Entry>& entries = users_[user];
  const auto twin = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.change == change && entry.is_lower != is_lower;
  });
  if (twin != entries.end()) {
    entries.erase(twin);
    if (entries.empty()) users_.erase(user);
    return true;
  }
  if (entries.size() >= kEntriesMax) entries.pop_front();
  entries.push_back({change, now_ms, is_lower});
  order_.emplace_back(now_ms, user);
  return false;
}

void TwinChanges::forget_old(int64_t now_ms) {
  const auto is_old = [now_ms](int64_t at_ms) {
    return at_ms <= now_ms - kWindowMs || at_ms > now_ms + kWindowMs;  // clocks are set back
  };
  while (!order_.empty() && is_old(order_.front().first)) {
    const auto found = users_.find(order_.front().second);
    order_.pop_front();
    if (found == users_.end()) continue;
    std::deque<Entry>& entries = found->second;
    while (!entries.empty() && is_old(entries.front().at_ms)) entries.pop_front();
    if (entries.empty()) users_.erase(found);
  }
}

// --- the rules ---

std::string PgUpdatesRules::channel_of_user(std::string_view user) {
  return std::string(kChannelStart) + std::string(user);
}

bool PgUpdatesRules::is_user(std::string_view user) {
  return !user.empty() && user.size() <= kPgUserBytesMax && wire::utf8_valid(user) &&
         std::all_of(user.begin(), user.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool PgUpdatesRules::feeds(std::string_view channel) const {
  return channel.starts_with(kChannelStart);
}

std::vector<std::string> PgUpdatesRules::names(std::string_view channel) const {
  std::vector<std::string> all;
  for (const NameStart& start : kNameStarts) {
    if (spelling_ == (start.is_lower ? Spelling::kMixed : Spelling::kLower)) continue;
    all.push_back(std::string(start.text) + std::string(channel.substr(kChannelStart.size())));
  }
  return all;
}

bool PgUpdatesRules::channel_of(std::string_view name, std::string& channel) const {
  const NameStart* start = start_of(name);
  if (!start) return false;
  channel = kChannelStart;
  channel += name.substr(start->text.size());
  return true;
}

PgUpdatesRules::Verdict PgUpdatesRules::translate(std::string_view name, std::string_view payload,
                                                  int64_t unix_ms, std::string& out) {
  const NameStart* start = start_of(name);
  ChangeParts parts;
  if (!start || !find_change_parts(payload, parts, scratch_)) return Verdict::kBad;
  const std::string user(name.substr(start->text.size()));
  if (spelling_ == Spelling::kBoth &&
      twins_.was_sent(user, start->is_lower, hash_of(start->table, parts), unix_ms))
    return Verdict::kDrop;
  // White space between its tokens may be line ends; nothing else in a JSON text may.
  if (parts.data.find_first_of("\r\n") != parts.data.npos) {
    (void)wire::json_compact(parts.data, one_line_);
    parts.data = one_line_;
  }
  out = R"({"type":"realtime_update","data":{"table":")";
  out += start->table;
  out += R"(","operation":)";
  out += parts.operation;
  out += R"(,"data":)";
  out += parts.data;
  out += R"(,"timestamp":")";
  out += iso_time(unix_ms);
  out += "\"}}";
  return Verdict::kSend;
}

}  // namespace livehub::profile
