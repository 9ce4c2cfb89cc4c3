// One client process: an epoll loop that opens its share of each group's connections, receives and
// checks.
//
// It is driven by commands over a socket pair and answers each one with the command itself when it
// is done (kOpen: when it has begun; the tally shows how far it is). What it counts it writes to
// its tallies, in memory shared with the driving process. It ends with the process that started it,
// or on kQuit.
//
// Thread rule: one process, one thread.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "load/handshake.h"
#include "load/inbox.h"
#include "load/plan.h"
#include "load/send_plan.h"
#include "load/tally.h"
#include "load/track.h"

namespace livehub::bench {

struct Command {
  // kCut closes all connections of the group at once and opens them again; what their clients have
  // seen stays known. kSend lets clients send.
  enum class Kind : uint8_t { kOpen, kBegin, kFinish, kClose, kCut, kSend, kQuit };
  Kind kind = Kind::kQuit;
  uint32_t group = 0;
  double connects_per_second = 0;  // kOpen: of this process; 0: as fast as in_flight allows
  uint32_t in_flight = 0;          // kOpen, kCut: connections that may be on their way at a time
  SendPlan send = {};              // kSend
};

struct Client {
  enum class State : uint8_t { kClosed, kConnecting, kAwaitingHead, kOpen };
  int fd = -1;
  State state = State::kClosed;
  bool never_reads = false;
  bool was_pinged = false;
  bool has_ended = false;     // the server ended it in order; what is left is its FIN
  uint64_t order_digest = 0;  // of the messages of the span, in the order in which they came
  int64_t dialled_ns = 0;
  std::unique_ptr<std::string> head;  // a response head that was cut
  std::variant<WsInbox, SseInbox> inbox;
};

class Worker final : private InboxSink {
 public:
  Worker(int control_fd, const FleetPlan& plan, uint32_t process, std::span<Tally> tallies);
  ~Worker() override;
  void run();

 private:
  // Clients that send (worker_sending.cc).
  struct Sending {
    SendPlan plan;
    int64_t since_ns = 0;
    uint64_t sent = 0;
    std::vector<uint64_t> next_seq;     // by client
    std::vector<uint32_t> to_send_now;  // closed loop: clients whose reply has come
  };

  struct Group {
    const GroupPlan* plan = nullptr;
    Tally* tally = nullptr;
    std::string request;  // of all clients; empty: each has its own
    std::vector<Client> clients;
    std::vector<Track> tracks;     // clients times publishers
    std::vector<std::string> ids;  // by client; where they resume
    Sending sending;
    uint64_t segments_before = 0;  // at the beginning of the span
    // Opening.
    uint32_t opening_next = 0;
    uint32_t opening_end = 0;
    uint32_t opening_in_flight = 0;
    uint32_t in_flight_max = 0;
    double connects_per_second = 0;
    int64_t opening_since_ns = 0;
  };

  // The loop's steps, in order.
  void open_due_connections();
  void send_due_messages();
  int64_t wait_ns() const;  // negative: until something happens
  void serve(const epoll_event& event);
  void rest() const;

  void obey(const Command& command);
  void begin_opening(Group& group, const Command& command);
  void begin_span(Group& group);
  void finish_span(Group& group);
  void finish_client(Group& group, size_t index);
  uint64_t segments_of(const Group& group) const;
  std::string channel_of(const Group& group, size_t index) const;
  uint32_t first_sequence(const Group& group, size_t index) const;
  uint64_t sequence_end(const Group& group, size_t index, uint32_t publisher) const;
  void close_group(Group& group);
  void cut_group(Group& group, const Command& command);

  void begin_sending(Group& group, const Command& command);
  uint64_t due_messages(const Group& group) const;
  void send_message(Group& group, uint32_t client_index, int64_t due_ns);
  bool send_frame(Group& group, Client& client, std::string_view payload);
  uint32_t due_count(const Group& group) const;
  void dial(uint32_t group_index, uint32_t client_index);
  void serve_client(Group& group, uint32_t index, uint32_t events);
  void send_request(Group& group, Client& client);
  void receive(Group& group, Client& client);
  bool take_head(Group& group, Client& client, std::string_view& bytes);
  void opened(Group& group, Client& client, const ResponseHead& head);
  void feed(Group& group, Client& client, std::string_view bytes);
  void lose(Group& group, Client& client, std::string_view why);
  void watch(const Client& client, int operation, uint32_t events, uint64_t name) const;
  uint64_t name_of(const Group& group, const Client& client) const;

  void on_message(const std::optional<Stamp>& stamp, uint64_t bytes, bool intact) override;
  void on_ping(std::string_view payload) override;
  void on_id(std::string_view id) override;
  void on_gap() override;
  void on_end(uint16_t code) override;

  int control_fd_;
  int epoll_fd_;
  bool is_running_ = true;
  bool has_received_ = false;
  uint32_t pause_us_;
  Share share_;
  Dialer dialer_;
  std::vector<Group> groups_;
  std::vector<char> buffer_;

  // Of the receive in progress.
  Group* group_ = nullptr;
  Client* client_ = nullptr;
  Track* tracks_ = nullptr;
  uint32_t first_sequence_ = 0;
  int64_t received_ns_ = 0;
  uint64_t burst_messages_ = 0;
  uint64_t burst_bytes_ = 0;
};

}  // namespace livehub::bench
