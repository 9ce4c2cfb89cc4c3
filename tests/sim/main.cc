// livehub_sim [--seed N] [--seeds N] [--log]: runs of the whole engine on the simulated kernel. The
// same seed of the same source is the same run, to the byte: the hash at the end says so.
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/log.h"
#include "chat_world.h"
#include "drop_world.h"
#include "pg_world.h"
#include "world.h"

namespace {

using livehub::sim::ChatWorld;
using livehub::sim::DropWorld;
using livehub::sim::PgWorld;
using livehub::sim::Totals;
using livehub::sim::World;

constexpr time_t kSecondsPerSeed = 60;  // of the processor: longer is a hang

uint64_t current_seed = 0;
const void* current_world = nullptr;
uint64_t (*step_of)(const void* world) = nullptr;

// A broken assertion or a hang: say which seed, then die of it.
void on_signal(int number) {
  char text[160];
  const int size =
      std::snprintf(text, sizeof(text), "\nFAILED: seed %llu, step %llu: %s\n",
                    static_cast<unsigned long long>(current_seed),
                    static_cast<unsigned long long>(current_world ? step_of(current_world) : 0),
                    number == SIGPROF ? "it hangs" : strsignal(number));
  std::fflush(stdout);
  if (::write(2, text, static_cast<size_t>(size)) < 0) _exit(3);
  _exit(2);
}

struct Arguments {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  bool log = false;
};

bool parse(int count, char** words, Arguments& arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool has_value = i + 1 < count;
    if (word == "--log") {
      arguments.log = true;
    } else if (word == "--seed" && has_value) {
      arguments.seed = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--seeds" && has_value) {
      arguments.seeds = std::strtoull(words[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: %s [--seed N] [--seeds N] [--log]\n", words[0]);
      return false;
    }
  }
  return true;
}

template <typename Kind>
bool run_world(uint64_t seed, bool is_logged, Totals& totals, uint64_t& hash) {
  Kind world(seed, is_logged);
  step_of = [](const void* self) { return static_cast<const Kind*>(self)->step(); };
  current_world = &world;
  bool is_good = true;
  try {
    world.run();
  } catch (const livehub::sim::Failure& failure) {
    std::printf("FAILED: seed %llu, step %llu: %s\n  %s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(world.step()), failure.what(),
                world.setting().c_str());
    is_good = false;
  }
  current_world = nullptr;
  totals.add(world.totals());
  hash = hash * 0x100000001b3 ^ world.log_hash();
  return is_good;
}

// The hub with live-data and maybe a broker, chat beside its web app, drop beside its backend and
// NATS, pg-updates beside its database.
bool run_seed(uint64_t seed, bool is_logged, Totals& totals, uint64_t& hash) {
  current_seed = seed;
  const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = kSecondsPerSeed, .tv_usec = 0}};
  ::setitimer(ITIMER_PROF, &limit, nullptr);
  hash = 0;
  return run_world<World>(seed, is_logged, totals, hash) &&
         run_world<ChatWorld>(seed, is_logged, totals, hash) &&
         run_world<DropWorld>(seed, is_logged, totals, hash) &&
         run_world<PgWorld>(seed, is_logged, totals, hash);
}

// False: something that should have happened never did.
bool print(const Totals& totals, bool must_have_all) {
  bool is_good = true;
  std::string text;
  for (const auto& [name, number] : totals.lines()) {
    text += (text.empty() ? "" : ", ") + std::to_string(number) + " " + name;
    if (number > 0 || !must_have_all) continue;
    std::printf("FAILED: %s: it never happened, so nothing was tested of it\n", name.c_str());
    is_good = false;
  }
  std::printf("%s\n", text.c_str());
  return is_good;
}

// The same seed twice, with other addresses and after other runs: what differs was not drawn from
// the seed.
bool is_repeatable(uint64_t seed) {
  Totals totals;
  uint64_t first = 0, second = 0;
  if (!run_seed(seed, false, totals, first) || !run_seed(seed, false, totals, second)) return false;
  if (first != second)
    std::printf("FAILED: seed %llu is not the same run twice\n",
                static_cast<unsigned long long>(seed));
  return first == second;
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  if (!parse(count, words, arguments)) return 64;
  livehub::base::set_log_level("off");  // failing calls are what it is about
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF})
    ::signal(number, on_signal);
  Totals totals;
  const auto begin = std::chrono::steady_clock::now();
  uint64_t hash = 0;
  for (uint64_t i = 0; i < arguments.seeds; ++i) {
    uint64_t hash_of_run = 0;
    if (!run_seed(arguments.seed + i, arguments.log, totals, hash_of_run)) return 1;
    hash = hash * 0x100000001b3 ^ hash_of_run;
  }
  bool is_good = print(totals, arguments.seeds >= 100);
  if (arguments.seeds > 1) is_good &= is_repeatable(arguments.seed);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("sim: %llu seeds from %llu passed in %.1f s, log hash %016llx\n",
              static_cast<unsigned long long>(arguments.seeds),
              static_cast<unsigned long long>(arguments.seed), took.count(),
              static_cast<unsigned long long>(hash));
  return is_good ? 0 : 1;
}
