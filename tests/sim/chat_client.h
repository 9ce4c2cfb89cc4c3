// Clients of the chat profile. Each connection is a user of its own, so what is meant for another
// one shows: an answer to a closed connection that reaches the next in its slot, an error told to
// the room, one told twice or never. They check against what the backend did. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "chat_backend.h"
#include "frame_client.h"

namespace livehub::sim {

class ChatClient final : public FrameClient {
 public:
  static constexpr std::string_view kJwtSecret = "the-secret-of-the-tokens";

  ChatClient(Scene& scene, ChatBackend& backend, std::string name, std::string room);

  // Open, and told once of each thing that it asked for.
  bool is_settled() const override { return is_gone_ || (is_open() && told_ == asked_.size()); }
  const std::string& user() const { return user_; }
  // A message, or that an agent is here.
  void say(bool is_agent);
  // Everything that was saved since `from_step` and after it had joined.
  void check_seen(uint64_t from_step) const;
  uint64_t told() const { return told_total_; }

 private:
  std::string target() override;
  void on_frame(const std::string& type, const nlohmann::json& frame,
                std::string_view text) override;
  bool is_drain(const wire::WsEvent& close) const override;
  void forget() override;
  void act_freely() override;

  void on_told(std::string_view text);
  void on_room(uint64_t number, const std::string& sender);

  ChatBackend& backend_;
  const std::string room_;
  std::string user_;  // of this connection
  uint64_t open_step_ = kNever;
  std::vector<uint64_t> asked_;             // on this connection, in order
  size_t told_ = 0;                         // so many of them
  std::set<uint64_t> seen_;                 // in the room
  std::map<std::string, uint64_t> newest_;  // message of each user
  uint64_t pings_ = 0;                      // sent, not answered
  uint64_t told_total_ = 0;
};

}  // namespace livehub::sim
