#include "common.h"

namespace livehub::sim {

uint32_t draw_rate(io::SimRandom& random, uint64_t most) {
  return random.chance(3500) ? 0 : static_cast<uint32_t>(random.below(most));
}

void draw_socket_rates(io::SimKernel& kernel) {
  kernel.rates.short_receive = draw_rate(kernel.random, 7000);
  kernel.rates.short_send = draw_rate(kernel.random, 7000);
  kernel.rates.blocked_send = draw_rate(kernel.random, 3000);
  kernel.rates.failed_send = draw_rate(kernel.random, 40);
  kernel.rates.late_release = draw_rate(kernel.random, 8000);
}

void drain_in_the_calm(Scene& scene, SimEngine& engine, double drain_seconds,
                       const std::vector<std::unique_ptr<Client>>& clients,
                       const std::function<void()>& step_once) {
  scene.kernel.log("drain", scene.engine);
  scene.is_ending = true;
  engine.begin_drain();
  constexpr int64_t kSlackNs = 250'000'000;
  const auto drain_ns = static_cast<int64_t>(drain_seconds * 1e9);
  const int64_t until_ns = scene.kernel.now_ns() + drain_ns + kSlackNs;
  while (!engine.is_all_finished()) {
    if (scene.kernel.now_ns() > until_ns) fail("a drain in the calm does not end");
    step_once();
  }
  for (const auto& client : clients)
    while (client->is_linked() && client->act()) ++scene.step;
  for (const auto& client : clients)
    if (client->is_linked()) fail("a drain leaves a client behind");
}

}  // namespace livehub::sim
