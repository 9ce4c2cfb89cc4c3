// What must hold between what was pushed and what clients saw: one order for all, once, nothing
// lost silently, nothing that nobody pushed. It knows nothing of the engine but the positions that
// it gave to publishes. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "hub/position.h"

namespace livehub::sim {

// A broken promise, as a sentence.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void fail(const std::string& sentence);

using hub::Position;
inline constexpr uint64_t kNever = ~uint64_t{0};

struct Push {
  enum class Fate : uint8_t { kUnknown, kAccepted, kRefused };
  std::string channel;
  std::string payload;          // as it must arrive
  uint64_t sent_step = kNever;  // its first byte left the client
  uint64_t engine = 0;          // which life of the server
  Fate fate = Fate::kUnknown;
  bool is_seen = false;
};

// What one connection saw of one channel.
struct View {
  struct Item {
    bool is_gap = false;
    std::optional<Position> position;
    uint64_t message = 0;  // identity of the payload
  };
  std::string who;
  std::string channel = "live";
  uint64_t engine = 0;
  uint64_t head_step = kNever;        // the whole response head was here
  std::optional<Position> asked;      // the position it resumed from
  std::optional<Position> announced;  // where the server said that it begins
  bool may_jump = false;              // policy "newest": it is not told what it missed
  bool was_elsewhere = false;         // on a machine that may be ahead: a gap may lead back to ours
  bool is_live_at_end = false;
  std::vector<Item> items;
};

class Oracle {
 public:
  // A document to be pushed, and its number.
  uint64_t make_push(const std::string& channel, size_t bytes, uint64_t engine);
  Push& push(uint64_t number) { return pushes_[number - 1]; }
  const std::deque<Push>& pushes() const { return pushes_; }
  void on_refused(uint64_t number);
  void on_accepted(uint64_t number, Position position);
  // Its broker has it, and where it stands is not known.
  void on_taken(uint64_t number) { push(number).fate = Push::Fate::kAccepted; }
  // The number of the push with this payload; 0: there is none.
  uint64_t find(std::string_view payload) const;

  // The engine told the profile of a publish.
  void on_sequenced(const std::string& channel, Position position) { books_[channel][position]; }
  void on_message(View& view, std::optional<Position> position, std::string_view payload);
  void on_gap(View& view, Position position);

  View& make_view() { return views_.emplace_back(); }
  void check_views() const;

  uint64_t deliveries() const { return deliveries_; }
  uint64_t gaps() const { return gaps_; }

 private:
  using Book = std::map<Position, uint64_t>;  // position -> message, 0: nobody has seen it
  void place(const std::string& who, const std::string& channel, uint64_t message,
             Position position);
  uint64_t identify(const View& view, std::string_view payload);
  void check_order(const View& view) const;
  void check_between(const View& view, const Book& book, Position after, Position before,
                     uint64_t unplaced) const;
  void check_due(const View& view) const;
  std::optional<Position> place_of(const View::Item& item) const;

  std::deque<Push> pushes_;
  std::map<std::string, uint64_t, std::less<>> generated_;  // messages of the server's own
  std::map<std::string, Book> books_;
  std::map<uint64_t, Position> places_;  // message -> position
  std::deque<View> views_;
  uint64_t deliveries_ = 0;
  uint64_t gaps_ = 0;
};

std::string text_of(Position position);

}  // namespace livehub::sim
