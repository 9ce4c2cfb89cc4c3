// The driver on the simulated kernel. It never blocks: where a real one would sleep, turn() returns
// and sleeping_until_ns() says how long it would have; the simulator decides who runs next. It
// holds its caller to the contract of io/io.h as strictly as it keeps it. shard-local; wake() too,
// since there is one thread.
//
// What it adds to the contract's words: the order of the ready sockets is random, lent bytes are
// overwritten after the callback, an index comes back only some turns after close(). Tests:
// tests/sim.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "io/io.h"
#include "io/sim_kernel.h"
#include "io/socket_table.h"

namespace livehub::io {

class SimDriver final : public Driver {
 public:
  SimDriver(SimKernel& kernel, uint32_t shard, const Options& options)
      : kernel_(kernel),
        shard_(shard),
        options_(options),
        table_(options.sockets_max),
        now_ns_(kernel.now_ns()) {}
  SimDriver(const SimDriver&) = delete;
  SimDriver& operator=(const SimDriver&) = delete;
  ~SimDriver() override;

  void listen(int backlog) override;  // no descriptor: how many clients may wait
  void stop_listening() override;
  bool turn(int64_t wait_ns, Events& events) override;
  void wake() noexcept override { is_woken_ = true; }
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
  const char* name() const override { return "sim"; }
  int64_t now_ns() const override { return now_ns_; }
  int64_t unix_seconds() const override { return 1'700'000'000 + now_ns_ / 1'000'000'000; }

  // --- for the simulator ---
  // Until when the last turn would have slept; 0: it did something, or was called again since.
  int64_t sleeping_until_ns() const { return sleeping_until_ns_; }
  // Whether a sleeper would be woken by what has happened: a wake, a client, bytes, room.
  bool is_roused();

 private:
  struct Place {  // a slot's
    SimLinkPtr link;
    bool is_shut = false;
  };
  struct Released {
    uint32_t index;
    int64_t at_ns;
  };

  SimLink& link_of(const Slot& slot) { return *places_[static_cast<size_t>(slot.fd)].link; }
  Slot& open_slot(Socket socket);
  bool can_accept() const;
  bool can_receive(const Slot& slot);
  bool can_tell_writable(const Slot& slot);
  bool is_ready(const Slot& slot) { return can_receive(slot) || can_tell_writable(slot); }
  void accept(Events& events);
  void serve(Socket socket, Events& events);
  void receive(Socket socket, Slot& slot, Events& events);
  void send(SendRequest& request);
  void release(Socket socket, Slot& slot);
  void let_go();
  std::vector<Socket> ready_sockets();
  void put_unserved_first(std::vector<Socket>& ready);

  SimKernel& kernel_;
  const uint32_t shard_;
  const Options options_;
  SocketTable table_;
  std::vector<Place> places_;  // by slot index
  std::vector<Released> released_;
  std::set<Socket> served_;  // while turns leave something: who was, of those that are ready
  int64_t now_ns_;
  int64_t accept_again_ns_ = 0;
  int64_t sleeping_until_ns_ = 0;
  bool is_woken_ = false;
  bool is_listening_ = false;
  bool is_in_turn_ = false;
};

}  // namespace livehub::io
