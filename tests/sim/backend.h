// The web app behind the simulated chat server, at the place where profile code calls it
// (source/http_call.h): it saves messages and knows users' names. Its faults: it closes without an
// answer, stalls until the call's time is over, answers with a status or with garbage, too much of
// it, late, in another order than it was asked, or cannot even be asked. What it did with each call
// is what the sender must be told, so clients check against it. One thread.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client.h"
#include "source/http_call.h"

namespace livehub::sim {

struct BackendCounts {
  uint64_t calls = 0, saved = 0, statuses = 0, closed = 0, stalled = 0, garbage = 0, rejected = 0,
           late = 0, stopped = 0, held = 0;
};

// Something that a client asked for, and what became of it.
struct ChatAsked {
  std::string user, room;
  bool is_agent = false;            // agent_joined; else a message
  bool is_saved = false;            // the room gets it
  uint64_t answered_step = kNever;  // by the backend
  std::string error;                // the frame that its sender must get, and nobody else
};

class Backend final : public source::HttpCaller {
 public:
  static constexpr std::string_view kUrl = "http://web.test", kSecret = "the-internal-secret";
  explicit Backend(Scene& scene) : scene_(scene) {}

  // --- clients: each connection is a user of its own ---
  // Before it is sent; its number. A user's calls must come in this order, one at a time.
  uint64_t ask(const std::string& user, const std::string& room, bool is_agent);
  void leave(const std::string& user) { users_[user].is_gone = true; }
  const ChatAsked& asked(uint64_t number) const;
  uint64_t count() const { return asked_.size(); }

  // --- the server ---
  void call(source::HttpCall call, Done done) override;
  void stop();  // the server's life ends: what is under way fails, as HttpClient::stop() has it

  // --- the world ---
  bool is_active() const { return scene_.kernel.now_ns() >= due_ns(); }
  bool act();  // one answer
  int64_t due_ns() const;
  // That user's calls stand still until release().
  void hold(const std::string& user) {
    held_ = user;
    ++counts_.held;
  }
  void release() { held_.clear(); }
  bool is_holding() const;
  // Throws what was wrong with a call: within one it would end in a coroutine, and the process.
  void check() const {
    if (!wrong_.empty()) fail(wrong_);
  }
  const BackendCounts& counts() const { return counts_; }

 private:
  struct User {
    std::vector<uint64_t> asked;
    size_t called = 0;  // so many of them
    bool is_calling = false;
    bool is_gone = false;
  };
  struct Call {
    uint64_t number;
    Done done;
    int64_t due_ns;
    source::HttpAnswer answer;
  };
  uint64_t identify(const source::HttpCall& call);
  void decide(Call& call);
  void fail_call(Call& call, source::HttpFault fault, const std::string& problem);
  void save(Call& call);
  void refuse(Call& call);
  void answer(Call call);

  Scene& scene_;
  std::deque<ChatAsked> asked_;  // by number - 1
  std::map<std::string, User> users_;
  std::deque<Call> calls_;
  std::string held_;
  std::string wrong_;
  BackendCounts counts_;
};

}  // namespace livehub::sim
