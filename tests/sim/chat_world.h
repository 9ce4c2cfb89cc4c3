// One simulated run of the chat profile beside its web app: rooms, and a backend with its faults.
// In the calm one client's call stands still, and nobody else may wait for it. One thread.
//
// What is checked: each thing that a client asks for is told to it once, in order, and to nobody
// else (chat_client.h); a user's calls come one at a time and in order (chat_backend.h); what was
// saved reaches the whole room, once; a call that stalls holds up its sender alone; an answer that
// comes when its client or its server has gone reaches nobody.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chat_backend.h"
#include "chat_client.h"
#include "profile_world.h"

namespace livehub::sim {

class ChatWorld final : public ProfileWorld {
 public:
  ChatWorld(uint64_t seed, bool is_logged);

  std::string setting() const override { return "chat: " + ProfileWorld::setting(); }
  Totals totals() const override;

 private:
  profile::ProfileChoice make_profile() override;
  void stop_outside() override { backend_->stop(); }
  void check_calm() override;
  void before_drain() override;
  std::vector<Outsider*> outsiders() override { return {backend_.get()}; }
  void hold_one();

  std::shared_ptr<ChatBackend> backend_ = std::make_shared<ChatBackend>(scene_);
  std::vector<ChatClient*> chatters_;
  uint64_t calm_step_ = 0;
};

}  // namespace livehub::sim
