// The engine as a library: shards, sockets, fan-out and drain around a profile. See
// docs/examples/embed.cc for a whole program. startup: made and stopped by one thread; stop() may
// be called from any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "livehub/profile.h"
#include "livehub/source.h"

namespace livehub {

struct EngineOptions {
  uint16_t port = 8787;                // 0: a free one
  std::string host = {};               // empty: [::] dual stack
  uint32_t shards = 0;                 // 0: from the CPU quota and affinity
  std::string io = "auto";             // auto, uring, epoll
  uint32_t sockets_per_shard_max = 0;  // 0: what the kernel allows

  uint32_t history_count = 1000;  // per channel
  uint64_t history_bytes = 4 << 20;
  uint32_t history_seconds = 300;
  uint64_t ring_bytes = 1 << 20;   // of a hot stream; a power of two
  uint64_t arena_bytes = 4 << 20;  // per shard; a power of two
  uint64_t memory_bytes = 0;       // 0: half of the machine's
  uint64_t message_bytes_max = 1 << 20;
  uint32_t push_wait_ms = 2000;
  SlowReader slow_reader = SlowReader::kDisconnect;
  uint32_t heartbeat_seconds = 15;  // SSE: a comment after that long with nothing sent
  uint32_t ping_seconds = 15;       // WebSocket: a ping after that long with nothing received
  uint32_t pong_seconds = 15;       // then the connection is dead after this long
  uint32_t head_seconds = 10;
  uint32_t idle_seconds = 75;
  uint32_t close_seconds = 5;
  double drain_seconds = 4;
  // Networks with commas between, as in "10.0.0.0/8": peers in them are proxies, whose word about
  // their clients' addresses is believed. Empty or "none": nobody.
  std::string trusted_proxies = {};
  uint32_t connections_per_ip_max = 0;      // of one address, open at once; 0: any number
  uint32_t connects_per_ip_per_minute = 0;  // a minute's worth may come at once; 0: any number
  bool per_ip_only_counts = false;          // who is over these two is counted and let in
  bool is_on_fly = false;                   // streams get Content-Encoding: none
  // Messages of its own that prove each shard's and each source's way (0: none), how old the newest
  // may become before readiness is red, and how much older before a source's links are made anew.
  uint32_t canary_ms = 5000;
  uint32_t canary_late_ms = 12'000;
  uint32_t canary_rebuild_ms = 10'000;
  bool compress_websocket = false;  // permessage-deflate, with clients that offer it
  bool compress_sse = false;        // gzip, for clients that accept it; not on Fly
  bool public_ready = true;         // GET /_livehub/ready on the public port
  bool echo = false;                // /echo for outside test suites
};

class Engine {
 public:
  Engine(EngineOptions options, ProfileFactory factory,
         std::vector<std::shared_ptr<Source>> sources = {});
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();  // stops at once if it still runs

  // Binds and serves; returns when every shard accepts. Empty, or a sentence that says why not.
  [[nodiscard]] std::string start();
  uint16_t port() const;
  uint32_t shards() const;
  std::string io_sentence() const;  // which I/O was chosen and why

  // Drains: tells clients, paced over drain_seconds, then ends. A second call ends at once. Any
  // thread.
  void stop();
  // Returns when every shard has ended.
  void join();

  class State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace livehub
