#include "chat_world.h"

#include "profile/chat.h"

namespace livehub::sim {

ChatWorld::ChatWorld(uint64_t seed, bool is_logged)
    : ProfileWorld(seed * 0xd1342543de82ef95 + 7, is_logged) {
  io::SimRandom& random = kernel_.random;
  profile::set_chat_defaults(setup_.options);
  setup_.options.drain_seconds = random.chance(5000) ? 1 : 4;
  setup_.limits.history_count = 0;
  setup_.limits.arena_bytes = 64 * 1024;
  setup_.limits.ring_bytes = 64 * 1024;
  const uint64_t rooms = random.between(1, 3), clients = random.between(3, 14);
  for (uint64_t i = 0; i < clients; ++i) {
    auto client = std::make_unique<ChatClient>(scene_, *backend_, "user" + std::to_string(i),
                                               "room" + std::to_string(random.below(rooms)));
    chatters_.push_back(client.get());
    clients_.push_back(std::move(client));
  }
}

Totals ChatWorld::totals() const {
  Totals totals;
  totals.chat_backend = backend_->counts();
  for (const ChatClient* client : chatters_) totals.told += client->told();
  return totals;
}

profile::ProfileChoice ChatWorld::make_profile() {
  const profile::SettingMap settings = {{"JWT_SECRET", std::string(ChatClient::kJwtSecret)},
                                        {"INTERNAL_API_SECRET", std::string(ChatBackend::kSecret)},
                                        {"NEXT_API_URL", std::string(ChatBackend::kUrl)},
                                        {"REDIS_URL", "redis://nowhere.test"}};
  return profile::make_chat_of(
      settings, {.backend = backend_, .unix_ms = [this] { return kernel_.now_ns() / 1'000'000; }});
}

void ChatWorld::check_calm() {
  calm_step_ = scene_.step;
  for (int round = 0; round < 2; ++round) hold_one();
  for (const ChatClient* client : chatters_) client->check_seen(calm_step_);
}

// One client's call stands still. All others say something, are told and hear it; then it goes on.
void ChatWorld::hold_one() {
  const ChatClient* one = kernel_.random.pick(chatters_);
  backend_->hold(one->user());
  for (int times = 0; times < 3; ++times)
    for (ChatClient* client : chatters_) client->say(kernel_.random.chance(2000));
  settle("all but one are answered", one);
  if (one->is_settled()) fail("a call that stands still was answered");
  if (!backend_->is_holding()) fail("nothing stands still");
  for (const ChatClient* client : chatters_) client->check_seen(calm_step_);
  backend_->release();
  settle("the last one is answered");
}

void ChatWorld::before_drain() {
  for (ChatClient* client : chatters_) client->say(false);
}

}  // namespace livehub::sim
