// Runs a random test over fixed seeds and names the seed that fails, however it fails.
//   LIVEHUB_SEED=17 hub_test --gtest_filter=…   one seed
//   LIVEHUB_SEEDS=5000 hub_test …               more of them
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace livehub::hub::testing {

inline char seed_line[64];
inline void print_seed() {
  if (::write(2, seed_line, std::strlen(seed_line)) < 0) return;
}
inline void on_signal(int number) {
  print_seed();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

template <typename Run>
void run_seeds(uint64_t count, Run run) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(print_seed);
#else
  std::signal(SIGSEGV, on_signal);
#endif
  std::signal(SIGABRT, on_signal);
  uint64_t first = 1;
  if (const char* more = std::getenv("LIVEHUB_SEEDS")) count = std::strtoull(more, nullptr, 10);
  if (const char* one = std::getenv("LIVEHUB_SEED"))
    first = std::strtoull(one, nullptr, 10), count = 1;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    std::snprintf(seed_line, sizeof seed_line, "failed with LIVEHUB_SEED=%llu\n",
                  static_cast<unsigned long long>(seed));
    try {
      run(seed);
    } catch (const std::exception& e) {
      ADD_FAILURE() << "LIVEHUB_SEED=" << seed << ": " << e.what();
      break;
    }
  }
  std::signal(SIGABRT, SIG_DFL);
}

}  // namespace livehub::hub::testing
