// The simulated kernel: one clock, TCP connections between clients of the simulation and the
// shards' drivers, and the faults of both. Deterministic: everything comes from one SimRandom. One
// thread.
//
// A link is one TCP connection. What the client has written stands in `up`, what the server's
// kernel has taken in `down`; a silent link moves neither (a cable was pulled), a dead one is known
// to be so by whoever looks next. Limits: `down` holds at most `down_room` bytes, an accept queue
// `backlog` links. Tests: tests/sim.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/io.h"
#include "io/sim_random.h"

namespace livehub::io {

enum class SimFault : uint8_t {
  kShortReceive,  // fewer bytes than had arrived
  kShortSend,     // fewer bytes than there was room for
  kFullSend,      // fewer bytes than wanted, because the socket was full
  kBlockedSend,   // none taken
  kFailedSend,    // a send meets a dead connection
  kNetworkReset,  // the network breaks a connection
  kClientReset,
  kClientFin,
  kHalfClose,        // the client ends its side and goes on reading
  kSilence,          // the cable is pulled, and put back
  kVanished,         // the cable is pulled for good
  kUserTimeout,      // sent bytes were not acknowledged for 30 s
  kUnreadAtClose,    // closed with bytes unread
  kWriteAfterClose,  // the client's bytes meet a closed socket and destroy what it had not read
  kLateRelease,      // an index stays with the kernel for a while after close()
  kDescriptorsOut,   // EMFILE at accept
  kQueueFull,        // the accept queue is full
  kTableFull,        // the driver's table is full
  kDiedInQueue,      // a client is gone before it is accepted
  kSpuriousWake,
  kSpuriousWritable,
  kFreeze,    // 75 ms in which nobody runs
  kLongJump,  // seconds or minutes in which nobody runs
  kCount
};
const char* sim_fault_name(SimFault fault);

// Chances per ten thousand, drawn by the run.
struct SimRates {
  uint32_t short_receive = 0;
  uint32_t short_send = 0;
  uint32_t blocked_send = 0;
  uint32_t failed_send = 0;
  uint32_t late_release = 0;
  uint32_t descriptors_out = 0;
  uint32_t spurious_writable = 0;
};

struct SimLink : std::enable_shared_from_this<SimLink> {
  uint32_t id = 0;
  uint32_t shard = 0;
  std::string up;
  size_t arrived = 0;  // of `up`, at the server
  std::string down;
  size_t down_room = 65536;
  bool up_fin = false;           // the client ends its side
  bool down_fin = false;         // the server has ended its side
  int error = 0;                 // not 0: dead; what the server's next call says
  bool is_client_gone = false;   // it closed: what is sent to it is answered by a reset
  bool is_client_reset = false;  // what the client's next read says
  bool is_server_closed = false;
  bool is_accepted = false;
  bool is_silent = false;
  bool is_full = false;        // the last send found no room; room is told of at a half of it
  int64_t stuck_since_ns = 0;  // silent with bytes on the way since; 0: not
};
using SimLinkPtr = std::shared_ptr<SimLink>;

class SimKernel {
 public:
  explicit SimKernel(uint64_t seed) : random(seed) {}
  SimKernel(const SimKernel&) = delete;
  SimKernel& operator=(const SimKernel&) = delete;
  ~SimKernel() = default;

  SimRandom random;
  SimRates rates;

  // --- time ---
  int64_t now_ns() const { return now_ns_; }
  void advance(int64_t ns);

  // --- the event log: its hash names the run ---
  void log(const char* what, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0);
  void log_bytes(const char* what, uint64_t a, std::string_view bytes);
  uint64_t log_hash() const { return hash_; }
  uint64_t log_lines() const { return lines_; }
  void print_log(bool is_on) { is_printing_ = is_on; }
  void count(SimFault fault) { ++faults_[static_cast<size_t>(fault)]; }
  uint64_t faults(SimFault fault) const { return faults_[static_cast<size_t>(fault)]; }

  // --- the server's listeners ---
  void open_listener(uint32_t shard, uint32_t backlog);
  void shut_listener(uint32_t shard);  // who waits in its queue is reset
  std::deque<SimLinkPtr>& queue_of(uint32_t shard) { return listeners_[shard].queue; }
  bool is_listening(uint32_t shard) const {
    return shard < listeners_.size() && listeners_[shard].is_open;
  }

  // --- the client's end ---
  // Null: refused, or the queue is full.
  SimLinkPtr connect(size_t down_room);
  void write(SimLink& link, std::string_view bytes);
  std::string read(SimLink& link, size_t bytes_max);
  static bool can_read(const SimLink& link) { return !link.is_silent && !link.down.empty(); }
  static bool is_at_end(const SimLink& link) {  // the server's orderly end was read
    return !link.is_silent && link.down.empty() && link.down_fin && !link.is_client_reset;
  }
  static bool is_broken(const SimLink& link) { return !link.is_silent && link.is_client_reset; }
  void end(SimLink& link);       // half-close
  void close(SimLink& link);     // gone, in an orderly way
  void reset(SimLink& link);     // gone, with a reset
  void break_up(SimLink& link);  // by the network
  void set_silent(SimLink& link, bool is_silent);

 private:
  struct Listener {
    bool is_open = false;
    uint32_t backlog = 0;
    std::deque<SimLinkPtr> queue;
  };

  void mix(uint64_t value);
  void watch_silent();

  int64_t now_ns_ = 1'000'000'000'000;
  std::vector<Listener> listeners_;
  std::vector<SimLinkPtr> silent_;
  uint32_t next_id_ = 0;
  std::array<uint64_t, static_cast<size_t>(SimFault::kCount)> faults_{};
  uint64_t hash_ = 0xcbf29ce484222325;
  uint64_t lines_ = 0;
  bool is_printing_ = false;
};

}  // namespace livehub::io
