// The list of all drops for `/events/drops`: computed once for everybody, on shard 0, and only
// while somebody listens. shard-local (shard 0); others reach it through ProfileContext::post, its
// sources too.
//
// It listens to the bucket of drop ids and to every drop's state; what changes makes one
// recomputation, at most one each 200 ms: one backend call a drop. A drop whose call fails stays
// as it was last known, and is asked for again by itself. Limits: the HTTP client's. Tests:
// tests/integration/drop_list.test.mjs, tests/sim/drop_world.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "livehub/profile.h"
#include "source/http_call.h"
#include "source/http_task.h"
#include "source/nats_subscriber.h"

namespace livehub::profile {

class DropBoard {
 public:
  static constexpr std::string_view kChannel = "drops";
  // The call that answers with a drop's state.
  using StateCall = std::function<source::HttpCall(std::string_view drop)>;

  DropBoard(const ProfileContext& context, std::shared_ptr<source::NatsSubscriber> nats,
            std::shared_ptr<source::HttpCaller> http, std::function<int64_t()> unix_ms,
            StateCall state_call);

  void arrive();  // one more listens
  void leave();
  // `answer` is called on shard 0 with the event as it is now; not at all, if that is not known.
  // Whoever asks listens to kChannel already: what is published goes to all.
  void ask(std::function<void(std::string)> answer);
  // While a call is owed, its owner calls on_tick() about each second.
  bool owes_call() const { return owes_call_; }
  void on_tick(int64_t now_ns);

 private:
  void begin_listening();
  void end_listening();
  void set_keys(std::vector<std::string> keys);
  void on_news();
  void compute();
  source::Task fetch(std::string drop, uint64_t round);
  void finish();

  const ProfileContext context_;
  const std::shared_ptr<source::NatsSubscriber> nats_;
  const std::shared_ptr<source::HttpCaller> http_;
  const std::function<int64_t()> unix_ms_;
  const StateCall state_call_;
  size_t listeners_ = 0;
  uint64_t round_ = 0;  // of listening: what comes late of an older one is dropped
  uint64_t state_listen_ = 0;
  uint64_t bucket_listen_ = 0;
  std::optional<std::vector<std::string>> keys_;
  std::map<std::string, std::string> states_;  // by drop, as last answered
  std::optional<std::string> list_;            // drops_list(), if it is up to date
  size_t calls_out_ = 0;
  bool is_computing_ = false;
  bool is_news_ = false;     // something changed since the computation began
  bool is_for_all_ = false;  // the computation's result is news
  bool owes_call_ = false;   // the last computation had no answer for each drop
  int64_t retry_at_ns_ = 0;  // then; 0: not set yet
  std::vector<std::function<void(std::string)>> waiting_;
  source::Tasks tasks_;  // last: it ends first
};

}  // namespace livehub::profile
