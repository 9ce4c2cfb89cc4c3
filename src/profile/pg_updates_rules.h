// Which names of PostgreSQL belong to which user, and what a notification becomes: the row as its
// bytes are, in the envelope that clients know. Two spellings of a name may tell of one change:
// then it is sent once. immutable but for translate(), which is the source's thread's.
// Tests: tests/unit/profile/pg_updates_rules_test.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "source/postgres.h"

#include "profile/iso_time.h"

namespace livehub::profile {

// With the longest beginning, a name that PostgreSQL does not cut.
inline constexpr size_t kPgUserBytesMax = source::kPgNameBytesMax - 18;

// The members `operation` and `data` of a JSON object, as they stand in it.
struct ChangeParts {
  std::string_view operation;  // a string with its quotes
  std::string_view data;       // any value
};
// False: not a JSON text, not an object, or one of the two is missing. `scratch` is reused.
[[nodiscard]] bool find_change_parts(std::string_view text, ChangeParts& parts,
                                     std::string& scratch);

// Remembers changes for five seconds, at most 256 a user, to know one that the other spelling told
// of already.
class TwinChanges {
 public:
  static constexpr int64_t kWindowMs = 5'000;
  static constexpr size_t kEntriesMax = 256;
  // True: its twin has gone out; the pair is then forgotten, so that a true repeat is none.
  [[nodiscard]] bool was_sent(const std::string& user, bool is_lower, uint64_t change,
                              int64_t now_ms);
  size_t users() const { return users_.size(); }

 private:
  struct Entry {
    uint64_t change;
    int64_t at_ms;
    bool is_lower;
  };
  void forget_old(int64_t now_ms);

  std::unordered_map<std::string, std::deque<Entry>> users_;
  std::deque<std::pair<int64_t, std::string>> order_;  // whose oldest may be too old by when
};

class PgUpdatesRules : public source::PostgresRules {
 public:
  enum class Spelling : uint8_t { kLower, kMixed, kBoth };
  explicit PgUpdatesRules(Spelling spelling) : spelling_(spelling) {}

  // The hub's channel of a user; no other channel is fed.
  [[nodiscard]] static std::string channel_of_user(std::string_view user);
  // Not empty, no control characters, short enough for a name.
  [[nodiscard]] static bool is_user(std::string_view user);

  bool feeds(std::string_view channel) const override;
  std::vector<std::string> names(std::string_view channel) const override;
  bool channel_of(std::string_view name, std::string& channel) const override;
  Verdict translate(std::string_view name, std::string_view payload, int64_t unix_ms,
                    std::string& out) override;

 private:
  const Spelling spelling_;
  TwinChanges twins_;
  std::string scratch_;
  std::string one_line_;
};

}  // namespace livehub::profile
