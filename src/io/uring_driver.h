// The driver on io_uring, with direct descriptors where the kernel has them. shard-local (wake():
// mailbox).
//
// How it works, with the reasons:
//  - Sends are a batch: queued, submitted, and complete when io_uring_enter returns, as
//    MSG_DONTWAIT makes them complete during their submission (uring_send.cc).
//  - An idle connection waits on a one-shot POLL (256 B of kernel memory; an armed RECV takes 864
//    B). What became ready is received in groups, each into a buffer of its own (uring_receive.cc).
//  - Accepting is a bounded number of single ACCEPTs, each with a slot of the table set aside for
//    it, so that the kernel can never accept a client that there is no room for (uring_accept.cc).
//  - close() cancels the polls and closes in one submission; the slot is free when all of its
//    operations have completed (uring_close.cc).
//
// Limits: 512 KB of lent buffers, 1,024 submissions, completions for the table (at most 65,536).
// Invariants:
//   1. Slot::in_flight counts the operations whose completions will name the slot; it is released
//      when it is closing and the count is 0.
//   2. on_completion() only notes; callbacks come from turn(), and nothing is queued while reaping.
//   3. Tokens in use (accepting, or accepted and not reported) <= spare slots of the table.
//   4. A socket that receives, and is not paused, has a poll armed, or is in ready_, or is being
//      served.
// Tests: tests/unit/io/contract_*_test.cc, uring_test.cc.
#pragma once

#include <array>
#include <unordered_map>
#include <vector>

#include "io/accept_gate.h"
#include "io/fifo.h"
#include "io/io.h"
#include "io/socket_options.h"
#include "io/socket_table.h"
#include "io/turn_clock.h"
#include "io/uring_ring.h"
#include "io/waker.h"

namespace livehub::io {

class UringDriver final : public Driver, private CompletionSink {
 public:
  // What is used of the kernel; make_uring_driver() takes what the probe found, tests the older
  // ways too.
  struct Ways {
    bool direct_descriptors = true;
    bool skip_success = true;
    bool defer_task_work = true;
  };
  static std::unique_ptr<UringDriver> make(const Options& options, const Ways& ways,
                                           std::string& why_not);
  UringDriver(const UringDriver&) = delete;
  UringDriver& operator=(const UringDriver&) = delete;
  ~UringDriver() override;

  void listen(int listening_fd) override;
  void stop_listening() override;
  bool turn(int64_t wait_ns, Events& events) override;
  void wake() noexcept override { waker_.wake(); }
  void send_batch(std::span<SendRequest> requests) override;
  void want_writable(Socket socket) override;
  void pause_receive(Socket socket) override;
  void resume_receive(Socket socket) override;
  void shutdown_send(Socket socket) override;
  void close(Socket socket) override;
  void reset(Socket socket) override;
  PeerAddress peer_address(Socket socket) override;

  uint32_t sockets_open() const override { return table_.open_count(); }
  uint32_t sockets_max() const override { return table_.sockets_max(); }
  uint32_t receives_per_turn() const override { return options_.receives_per_turn; }
  const char* name() const override { return "uring"; }
  int64_t now_ns() const override { return clock_.now_ns(); }
  int64_t read_ns() const override { return TurnClock::read_ns(); }
  int64_t unix_seconds() const override { return clock_.unix_seconds(); }

  bool uses_direct_descriptors() const { return direct_; }

 private:
  static constexpr uint32_t kGroupMax = 32;
  static constexpr uint32_t kTokensMax = 64;
  static constexpr size_t kBufferBytesMax = 512 * 1024;

  struct Token {  // one ACCEPT; the kernel writes the address while it is in use
    SocketAddress address;
    socklen_t address_size;
    bool accepting;
  };
  struct Accepted {
    uint32_t token;
    int32_t fd;
  };
  struct Group {  // sockets that are received from in one submission
    uint32_t count = 0;
    std::array<Socket, kGroupMax> sockets;
    std::array<int32_t, kGroupMax> results;
  };

  UringDriver(const Options& options, uint32_t sockets_max, const Ways& ways);
  bool open(bool defer_task_work, std::string& why_not);
  void on_completion(uint64_t user_data, int32_t result, uint32_t flags) override;
  void finish_operation(UringTag tag, Socket socket);
  void arm_wake();
  io_uring_sqe& queue_for(uint8_t operation, UringTag tag, Socket socket, Slot& slot);
  void aim(io_uring_sqe& sqe, const Slot& slot) const;

  // uring_accept.cc
  void cancel_accepts();
  void top_up_accepts();
  void queue_accept(uint32_t token);
  void finish_accept(uint32_t token, int32_t result);
  void report_accepted(Events& events);

  // uring_receive.cc
  void arm_read(Socket socket, Slot& slot);
  void make_ready(Socket socket, Slot& slot);
  void report_writable(Events& events);
  void receive_ready(Events& events);
  void fill_group(size_t& queued, uint32_t count_max);
  void queue_receive(Socket socket, Slot& slot);
  void deliver(uint32_t place, Events& events);
  void end_receive(Socket socket, Slot& slot, int error, Events& events);
  void stash(Socket socket, Slot& slot, std::span<const char> bytes);
  char* buffer(uint32_t place) { return buffers_.data() + size_t{place} * options_.receive_bytes; }

  // uring_send.cc
  bool queue_send(SendRequest& request, uint32_t place);
  void finish_send(uint64_t user_data, int32_t result);

  // uring_close.cc
  void let_go(Socket socket, Slot& slot);
  void queue_cancel(uint64_t user_data);
  int await_result();
  int install_plain(const Slot& slot);
  void close_all();

  const Options options_;
  SocketTable table_;
  Waker waker_;
  AcceptGate gate_;
  TurnClock clock_;
  UringRing ring_;
  bool direct_;
  const bool skip_success_;
  bool wake_armed_ = false;
  bool woken_ = false;

  // Accepting.
  std::vector<Token> tokens_;
  std::vector<uint32_t> free_tokens_;
  Fifo<Accepted> accepted_;
  bool was_short_ = false;  // the last ACCEPT met a shortage: one more per turn only
  Socket reported_;         // on_accept() is being called for it, with this token
  uint32_t reported_token_ = 0;

  // Receiving.
  Fifo<Socket> ready_;
  Fifo<Socket> writable_;
  Group group_;
  const uint32_t group_max_;
  std::vector<char> buffers_;
  std::unordered_map<uint32_t, std::vector<char>> stashes_;  // by index, while Slot::kStashed

  // The batch that is being sent.
  std::span<SendRequest> batch_;
  uint32_t batch_number_ = 0;
  uint32_t answers_due_ = 0;  // completions still to come, where successes are not skipped
  uint32_t messages_used_ = 0;
  std::vector<msghdr> messages_;

  int32_t awaited_result_ = 0;
};

}  // namespace livehub::io
