// Which names are listened to, for which channels, and what to say next: no I/O. Names are counted
// (several channels may need one), put into batches, and listened to again after the link was lost;
// who waits now goes before those who had it already. one thread: the source's.
//
// Invariants: a name is in at most one queue, and in none while its batch is in flight; a channel
// is ready exactly when `missing` is 0; nothing is kept of a name that no channel needs and the
// server does not hold. Tests: tests/unit/source/pg_listen_plan_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace livehub::source {

class PgListenPlan {
 public:
  struct Name;
  struct Channel {
    std::string_view channel;
    std::vector<Name*> names;
    uint32_t missing = 0;       // names that are not listened to (any more)
    bool is_confirmed = false;  // the owner's: it was told ready once
    bool is_refused = false;    // the owner's: it was told that it must go on without
  };
  struct Name {
    std::string_view name;
    std::vector<Channel*> channels;
    bool is_held = false;
    bool is_queued = false;
    bool is_in_flight = false;
    bool is_refused = false;  // failed by itself: not tried again on this connection
  };

  // The channel and whether it is new. It is ready at once if its `missing` is 0.
  std::pair<Channel*, bool> want(std::string_view channel, const std::vector<std::string>& names);
  void unwant(std::string_view channel);
  Channel* find(std::string_view channel);
  void for_each(const std::function<void(Channel&)>& visit);

  // LISTENs and UNLISTENs of up to `names_max` names, in flight from then on; empty: nothing to do.
  [[nodiscard]] std::string next_batch(size_t names_max);
  // It is done: the channels that are ready by it.
  [[nodiscard]] std::vector<Channel*> batch_done();
  // The server refused it, and the connection lives: each name is tried by itself. The channels
  // that cannot be had. `may_pass`: it was not the name that was wrong; one that was tried by
  // itself rests until wake_resting().
  [[nodiscard]] std::vector<Channel*> batch_failed(bool may_pass = false);
  void wake_resting();
  // Nothing is held any more, everything needed is queued.
  void link_lost();

  size_t channels() const { return channels_.size(); }
  size_t held() const { return held_; }
  // Something that somebody had, or waits for, is not listened to now.
  bool is_restoring() const {
    return !again_.empty() || !resting_.empty() || is_waking_ || restoring_in_flight_;
  }

 private:
  struct InFlight {
    Name* name;
    bool is_listen;
  };
  Name& name_of(const std::string& name);
  void queue(Name& name, std::deque<Name*>& queue);
  void leave(Channel& channel);
  bool take(std::deque<Name*>& queue, std::string& statements);
  void settle(const InFlight& entry, std::vector<Channel*>& ready);
  void forget_if_unused(Name& name);

  std::unordered_map<std::string, Channel> channels_;  // nodes do not move
  std::unordered_map<std::string, Name> names_;
  std::deque<Name*> now_;    // somebody waits
  std::deque<Name*> again_;  // after a loss
  std::deque<Name*> alone_;
  std::deque<Name*> later_;  // UNLISTEN
  std::deque<Name*> resting_;
  bool is_waking_ = false;  // those that rested are tried now
  std::vector<InFlight> in_flight_;
  bool restoring_in_flight_ = false;
  size_t held_ = 0;
};

}  // namespace livehub::source
