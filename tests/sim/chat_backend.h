// The web app behind the simulated chat server: it saves messages and knows users' names, or fails
// as fake_http.h says. What it did with each call is what the sender must be told, so clients check
// against it. One thread.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fake_http.h"

namespace livehub::sim {

// Something that a client asked for, and what became of it.
struct ChatAsked {
  std::string user, room;
  bool is_agent = false;            // agent_joined; else a message
  bool is_saved = false;            // the room gets it
  uint64_t answered_step = kNever;  // by the backend
  std::string error;                // the frame that its sender must get, and nobody else
};

class ChatBackend final : public FakeHttp {
 public:
  static constexpr std::string_view kUrl = "http://web.test", kSecret = "the-internal-secret";
  explicit ChatBackend(Scene& scene) : FakeHttp(scene) {}

  // Each connection is a user of its own. Before it is sent; its number. A user's calls must come
  // in this order, one at a time.
  uint64_t ask(const std::string& user, const std::string& room, bool is_agent);
  void leave(const std::string& user) { users_[user].is_gone = true; }
  const ChatAsked& asked(uint64_t number) const;
  uint64_t count() const { return asked_.size(); }

 private:
  struct User {
    std::vector<uint64_t> asked;
    size_t called = 0;  // so many of them
    bool is_calling = false;
    bool is_gone = false;
  };
  void identify(Call& call) override;
  void succeed(Call& call) override;
  void refuse(Call& call, int status) override;
  void send_garbage(Call& call) override;
  void fail_call(Call& call, source::HttpFault fault, const std::string& problem) override;
  bool on_answer(Call& call) override;
  void check_is_right(const Call& call, bool is_agent, std::string_view path,
                      std::string_view content) const;

  std::deque<ChatAsked> asked_;  // by number - 1
  std::map<std::string, User> users_;
};

}  // namespace livehub::sim
