// livehub-profile-fleet: many clients of one of the service profiles, in several processes, told
// what to do on standard input by bench/profile_load. It dials at once; `send RATE SECONDS` lets
// the clients that send do so, `report` prints one JSON object of what was counted so far. Ends
// with its input.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <new>
#include <span>
#include <sstream>

#include "load/clock.h"
#include "profiles/seats.h"

namespace livehub::bench {

std::vector<Seat> read_seats(const std::string& file) {
  std::ifstream in(file);
  std::vector<Seat> seats;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    Seat seat;
    std::string members, sends;
    std::getline(fields, seat.target, '\t');
    std::getline(fields, members, '\t');
    std::getline(fields, sends, '\t');
    std::getline(fields, seat.greeting, '\t');
    std::from_chars(members.data(), members.data() + members.size(), seat.members);
    seat.sends = sends == "1";
    seats.push_back(std::move(seat));
  }
  if (seats.empty()) throw CLI::ValidationError("--seats", "no clients in " + file);
  return seats;
}

namespace {

struct Shared {
  Orders orders;
  std::span<Tally> tallies;
};

Shared* share(unsigned processes) {
  const size_t bytes = sizeof(Shared) + processes * sizeof(Tally) + alignof(Tally);
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const shared = new (memory) Shared();
  auto* place = reinterpret_cast<Tally*>(
      (reinterpret_cast<uintptr_t>(shared + 1) + alignof(Tally) - 1) & ~(alignof(Tally) - 1));
  for (unsigned i = 0; i < processes; ++i) new (place + i) Tally();
  shared->tallies = {place, processes};
  return shared;
}

void report(const Shared& shared) {
  const auto sum = [&](auto counter) {
    uint64_t all = 0;
    for (const Tally& tally : shared.tallies) all += counter(tally).load(std::memory_order_relaxed);
    return static_cast<unsigned long long>(all);
  };
  std::printf(
      "{\"ready\":%llu,\"failed\":%llu,\"lost\":%llu,\"repeats\":%llu,\"gaps\":%llu,"
      "\"errors\":%llu,\"sent\":%llu,\"owed\":%llu,\"publishers\":[",
      sum([](const Tally& t) -> auto& { return t.ready; }),
      sum([](const Tally& t) -> auto& { return t.failed; }),
      sum([](const Tally& t) -> auto& { return t.lost; }),
      sum([](const Tally& t) -> auto& { return t.repeats; }),
      sum([](const Tally& t) -> auto& { return t.gaps; }),
      sum([](const Tally& t) -> auto& { return t.errors; }),
      sum([](const Tally& t) -> auto& { return t.sent; }),
      sum([](const Tally& t) -> auto& { return t.owed; }));
  for (unsigned p = 0; p < kPublishers; ++p) {
    Histogram all;
    for (const Tally& tally : shared.tallies) all.add(tally.latency[p]);
    const auto ms = [&](double share) {
      return static_cast<double>(all.percentile_ns(share)) / 1e6;
    };
    std::printf("%s{\"received\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
                p == 0 ? "" : ",", sum([p](const Tally& t) -> auto& { return t.received[p]; }),
                ms(0.5), ms(0.99), static_cast<double>(all.max_ns()) / 1e6);
  }
  std::printf("]}\n");
  std::fflush(stdout);
}

void obey(Shared& shared, unsigned processes) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word;
    double rate = 0, seconds = 0;
    words >> word >> rate >> seconds;
    if (word == "report") report(shared);
    if (word != "send" || rate <= 0) continue;
    const double every_s = processes / rate;
    shared.orders.send_every_ns.store(seconds_to_ns(every_s), std::memory_order_relaxed);
    // release pairs with the processes' acquire
    shared.orders.send_until_ns.store(now_ns() + seconds_to_ns(seconds), std::memory_order_release);
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const Plan& plan) {
  raise_descriptor_limit();
  Shared* const shared = share(plan.processes);
  const pid_t parent = getpid();
  for (unsigned i = 0; i < plan.processes; ++i) {
    const pid_t child = fork();
    if (child < 0) return 2;
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close(STDIN_FILENO);
    Seats(plan, i, shared->tallies[i], shared->orders).run();
  }
  obey(*shared, plan.processes);
  return 0;
}

}  // namespace
}  // namespace livehub::bench

int main(int argc, char** argv) {
  livehub::bench::Plan plan;
  std::string seats, wire = "ws";
  CLI::App app("Clients of a service profile; see bench/profile_load.");
  app.add_option("--port", plan.port, "where the server listens, on 127.0.0.1")->required();
  app.add_option("--seats", seats, "file of clients, one a line")->required();
  app.add_option("--wire", wire, "ws or sse")->check(CLI::IsMember({"ws", "sse"}));
  app.add_option("--ready", plan.ready, "part of the message that says it is ready")->required();
  app.add_option("--header", plan.header, "one more header line");
  app.add_option("--processes", plan.processes, "client processes")->check(CLI::Range(1, 64));
  app.add_option("--window", plan.window, "clients of a process on their way in at a time");
  CLI11_PARSE(app, argc, argv);
  plan.is_websocket = wire == "ws";
  try {
    plan.seats = livehub::bench::read_seats(seats);
  } catch (const CLI::Error& error) {
    return app.exit(error);
  }
  return livehub::bench::run(plan);
}
