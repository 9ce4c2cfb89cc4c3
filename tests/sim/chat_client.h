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
#include "client.h"
#include "stream_parser.h"
#include "wire/ws_reader.h"

namespace livehub::sim {

class ChatClient final : public Client {
 public:
  static constexpr std::string_view kJwtSecret = "the-secret-of-the-tokens";

  ChatClient(Scene& scene, ChatBackend& backend, std::string name, std::string room);

  // Open, and told once of each thing that it asked for.
  bool is_settled() const override {
    return is_gone_ || (phase_ == Phase::kOpen && told_ == asked_.size());
  }
  bool is_open() const { return phase_ == Phase::kOpen; }
  const std::string& user() const { return user_; }
  // A message, or that an agent is here.
  void say(bool is_agent);
  void leave() override;
  // Everything that was saved since `from_step` and after it had joined.
  void check_seen(uint64_t from_step) const;
  uint64_t told() const { return told_total_; }

 private:
  enum class Phase : uint8_t { kNone, kHead, kJoining, kOpen, kRefused, kClosing };

  void on_connected() override;
  void on_bytes(std::string bytes) override;
  void on_end(bool is_orderly) override;
  void on_cut() override { forget(); }
  void act_freely() override;

  void forget();
  void on_head(const ResponseHead& head);
  void take_frames();
  bool on_ws_event(const wire::WsEvent& event);
  void on_text(std::string_view text);
  void on_told(std::string_view text);
  void on_room(uint64_t number, const std::string& sender);
  void send_ws(wire::WsOpcode opcode, std::string_view payload);

  ChatBackend& backend_;
  const std::string room_;
  Phase phase_ = Phase::kNone;
  std::string user_;  // of this connection
  uint64_t open_step_ = kNever;
  std::string in_;
  wire::WsReader ws_{wire::WsRole::kClient};
  std::vector<uint64_t> asked_;             // on this connection, in order
  size_t told_ = 0;                         // so many of them
  std::set<uint64_t> seen_;                 // in the room
  std::map<std::string, uint64_t> newest_;  // message of each user
  uint64_t pings_ = 0;                      // sent, not answered
  uint64_t told_total_ = 0;
};

}  // namespace livehub::sim
