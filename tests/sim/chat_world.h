// One simulated run of the chat profile beside its web app: rooms, a backend with its faults,
// chaos with clients that come and go while their calls are under way, maybe a restart; then calm,
// in which one client's call stands still and nobody else may wait for it; then a drain. One
// thread.
//
// What is checked: each thing that a client asks for is told to it once, in order, and to nobody
// else (chat_client.h); a user's calls come one at a time and in order (backend.h); what was saved
// reaches the whole room, once; a call that stalls holds up its sender alone; an answer that comes
// when its client or its server has gone reaches nobody.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "chat_client.h"
#include "engine.h"
#include "world.h"

namespace livehub::sim {

class ChatWorld {
 public:
  ChatWorld(uint64_t seed, bool is_logged);

  // Throws Failure.
  void run();

  uint64_t log_hash() const { return kernel_.log_hash(); }
  uint64_t step() const { return scene_.step; }
  std::string setting() const;
  Totals totals() const;

 private:
  void draw();
  void start_engine();
  void stop_engine();
  void step_once();
  bool run_someone();
  bool let_time_pass();
  void restart();
  void become_calm();
  // Until all but `one` (nullptr: all) have what they want, and nothing moves.
  void settle(const char* what, const ChatClient* one = nullptr);
  void hold_one();
  void drain();

  io::SimKernel kernel_;
  Oracle oracle_;  // its scene wants one; it has nothing to say here
  Scene scene_{kernel_, oracle_};
  EngineSetup setup_;
  std::shared_ptr<Backend> backend_ = std::make_shared<Backend>(scene_);
  std::unique_ptr<SimEngine> engine_;
  std::vector<std::unique_ptr<ChatClient>> clients_;
  uint64_t chaos_steps_ = 0;
  uint64_t calm_step_ = 0;
  bool restarts_ = false;
};

}  // namespace livehub::sim
