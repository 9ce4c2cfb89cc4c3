// What worlds of every kind do alike. One thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "client.h"
#include "engine.h"

namespace livehub::sim {

// A rate per ten thousand: none in a third of all worlds.
uint32_t draw_rate(io::SimRandom& random, uint64_t most);
// Of the faults of sockets.
void draw_socket_rates(io::SimKernel& kernel);

// SIGTERM in the calm: all are told, nobody is left behind, and it ends in time.
void drain_in_the_calm(Scene& scene, SimEngine& engine, double drain_seconds,
                       const std::vector<std::unique_ptr<Client>>& clients,
                       const std::function<void()>& step_once);

}  // namespace livehub::sim
