// Restate behind the simulated drop server, and whoever changes drops: it knows the state of each
// drop, of each user in one and of each queue token, as a number that grows, and publishes each
// change behind it. Calls fail as fake_http.h says. What it knows is what clients must end up with.
// One thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fake_http.h"
#include "fake_pub_sub.h"

namespace livehub::sim {

class DropBackend final : public FakeHttp {
 public:
  static constexpr std::string_view kUrl = "http://restate.test";
  static constexpr uint64_t kDrops = 5;
  explicit DropBackend(Scene& scene);

  static std::string drop_name(uint64_t i) { return "d" + std::to_string(i); }
  // The subjects that things are known by, here and at NATS.
  static std::string drop_subject(const std::string& drop) { return "drop." + drop + ".state"; }
  static std::string user_subject(const std::string& drop, const std::string& user) {
    return "drop." + drop + ".user." + user;
  }
  static std::string queue_subject(const std::string& drop, const std::string& token) {
    return "queue." + drop + "." + token;
  }

  // --- clients ---
  void arrive(const std::string& subject, const std::string& who);  // of a user or a token
  void leave(const std::string& who) { gone_.insert(who); }
  uint64_t version_of(const std::string& subject) const;
  // Whether a call about it had no good answer since then.
  bool has_failed(const std::string& subject, uint64_t since_step) const;
  // What the list of drops must say: ids in order, and their versions.
  using List = std::vector<std::pair<std::string, uint64_t>>;
  List list() const;

  // --- the world ---
  void set_nats(FakePubSub* nats) { nats_ = nats; }  // of this life of the server; or nobody hears
  void change(const std::string& subject);
  std::string some_drop();
  void toggle_key();
  std::vector<std::string> keys() const { return {keys_.begin(), keys_.end()}; }
  uint64_t changes() const { return changes_; }

 private:
  struct Topic {
    uint64_t number = 0;
    uint64_t version = 1;
    const char* phase = "registration";
    uint64_t ends = 0;
    std::string who = {};  // empty: a drop
    uint64_t failed_step = 0;
  };
  void identify(Call& call) override;
  void succeed(Call& call) override;
  void refuse(Call& call, int status) override;
  void send_garbage(Call& call) override;
  void fail_call(Call& call, source::HttpFault fault, const std::string& problem) override;
  bool on_answer(Call& call) override;
  Topic& topic_of(uint64_t number) { return topics_.at(names_.at(number - 1)); }
  Topic& add(const std::string& subject, const std::string& who);
  std::string state_of(uint64_t number);
  std::string message_of(const std::string& subject, const Topic& topic);

  std::map<std::string, Topic> topics_;
  std::vector<std::string> names_;  // subjects, by number - 1
  std::set<std::string> keys_;
  std::set<std::string> gone_;
  FakePubSub* nats_ = nullptr;
  uint64_t changes_ = 0;
};

}  // namespace livehub::sim
