// The front of one shard: every client connection from accept to close. It turns the driver's
// events into HTTP requests and WebSocket messages for the profile, and the profile's wishes into
// bytes for the hub. shard-local.
//
// Numbered invariants:
//  1. A socket, its Connection, its hub peer and its timer begin and end together (open(),
//  close_now()); one more peer is the canary's, which has none of the others.
//  2. A stream's head goes out only when its first subscription is live (on_subscribed()).
//  3. While the hub calls back (is_in_hub_), nothing unsubscribes or closes: it is deferred to the
//  flush.
//  4. Bytes of ours are pushed to the hub's peer only; the hub alone decides what is sent when.
// Files: front.cc (accept, receive, close, sending), front_visitor.cc (whose connection it is, and
// whether there are too many), front_http.cc, front_stream.cc, front_ws.cc, front_time.cc (timers,
// heartbeats, drain), front_look.cc (for the admin port), handles.cc (the public handles).
// Tests: tests/unit/session/*, tests/integration/*.
#pragma once

#include <vector>

#include "base/ring_queue.h"
#include "hub/hub.h"
#include "io/io.h"
#include "session/compression.h"
#include "session/connection.h"
#include "session/counters.h"
#include "session/insight.h"
#include "session/look.h"
#include "session/shard_canary.h"
#include "session/shared.h"
#include "session/visitor.h"
#include "shard/loop.h"
#include "shard/timer_wheel.h"

namespace livehub::session {

class Front : public io::Events, public hub::HubEvents, public shard::Tenant, private hub::Post {
 public:
  Front(uint32_t shard, Shared& shared, io::Driver& driver, const ProfileFactory& factory);
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  ~Front() override;

  // io::Events
  void on_accept(io::Socket socket, uint32_t spare_slots) override;
  void on_receive(io::Socket socket, std::span<char> bytes) override;
  void on_receive_end(io::Socket socket, int error) override;
  void on_writable(io::Socket socket) override;

  // shard::Tenant
  void on_timers(int64_t now_ns, int64_t read_until_ns) override;
  int64_t ns_to_next_timer(int64_t now_ns) override;
  shard::MailLeft drain_mail() override;
  bool has_mail() const override;
  bool flush() override;
  bool is_finished() const override { return is_finished_; }

  // Drain, on this shard's thread: paced until deadline, then the rest is reset.
  void begin_drain();
  void end_now();  // a second signal

  const Counters& counters() const { return counters_; }
  const Insight& insight() const { return insight_; }
  // For the admin port, on this shard's thread (front_look.cc).
  void look_at_connections(const LookFilter& filter, Look& look);
  void look_at_channels(std::string_view contains, size_t most, ChannelsLook& look) const;
  uint32_t subscribers_of(std::string_view channel) const;
  Taps::Taken take_tapped(uint64_t id, std::string_view channel);
  void drop_tap(uint64_t id) { insight_.taps.drop(id); }
  const hub::Hub& hub() const { return hub_; }
  const ShardCanary& canary() const { return canary_; }
  const base::MemoryAccount& account() const { return account_; }
  uint32_t connections() const { return connections_.live(); }
  void check_invariants() const;

  // For the public handles (handles.cc).
  bool is_current(uint32_t index, uint32_t generation) const {
    return connections_.contains(index) && connections_[index].generation == generation;
  }
  static Exchange exchange_handle(Front* front, uint32_t index, uint32_t generation, uint64_t tag);
  static Session session_handle(Front* front, uint32_t index, uint32_t generation, uint64_t tag);
  const Connection& connection(uint32_t index) const { return connections_[index]; }
  void exchange_reply(uint32_t index, const Reply& wanted);
  void exchange_publish(uint32_t index, std::string_view channel, std::string_view payload);
  void exchange_wait(uint32_t index, uint32_t ms);
  void session_set_tag(uint32_t index, uint64_t tag) { connections_[index].tag = tag; }
  void session_open_now(uint32_t index);
  void session_subscribe(uint32_t index, const Subscribe& options);
  void session_watch(uint32_t index, std::string_view channel);
  // Ends the subscriptions to a channel, or only the watches.
  void session_unsubscribe(uint32_t index, std::string_view channel, bool is_watch_only);
  void session_publish(uint32_t index, std::string_view channel, std::string_view payload,
                       bool skip_me);
  void session_close(uint32_t index, uint16_t code, std::string_view reason);
  void push(uint32_t index, std::string_view bytes) { hub_.fanout().push_own(index, bytes); }
  // Chunked, and gzip, where the stream is; compressed where the WebSocket agreed to it.
  void push_sse(uint32_t index, std::string_view block);
  void push_message(uint32_t index, wire::WsOpcode opcode, std::string_view payload);
  void publish_own(const Publication& publication);
  bool is_draining() const { return shared_.is_draining.load(std::memory_order_relaxed); }

 private:
  struct WaitingPublish {
    hub::MessagePtr message;
    uint64_t token = 0;
  };
  struct Deferred {
    uint32_t index = 0;
    uint32_t generation = 0;
    enum class What : uint8_t { kDropSubscriptions, kTakeInput, kUnsubscribe, kReset };
    What what = What::kDropSubscriptions;
    hub::SubscriptionId subscription = hub::kNoIndex;  // kUnsubscribe
    uint32_t subscription_generation = 0;
  };

  // hub::HubEvents
  void send_batch(std::span<hub::PeerSend> sends) override;
  void want_writable(hub::PeerId peer) override;
  void on_drained(hub::PeerId peer) override;
  void on_failed(hub::PeerId peer, int error) override;
  void on_lapped(hub::PeerId peer, hub::SubscriptionId subscription) override;
  void on_skipped(hub::PeerId peer, hub::SubscriptionId subscription, uint64_t offset) override;
  void on_subscribed(hub::PeerId peer, hub::SubscriptionId subscription, hub::Position start,
                     bool gap) override;
  void on_replay_gap(hub::PeerId peer, hub::SubscriptionId subscription,
                     hub::Position start) override;
  void on_source_gap(hub::PeerId peer, hub::SubscriptionId subscription,
                     hub::Position start) override;
  void on_watching(hub::PeerId peer, hub::SubscriptionId subscription,
                   hub::Position start) override;
  void on_published(uint64_t token, hub::PublishResult result, hub::Position position) override;
  uint32_t peer_generation(hub::PeerId peer) const override {
    return connections_[peer].generation;
  }

  // hub::Post
  bool has_room(hub::ShardId to, bool request_lane) const override;
  void send_request(hub::ShardId to, hub::Mail&& mail) override;
  void send_answer(hub::ShardId to, hub::Mail&& mail) override;

  void send_to_sockets(std::span<hub::PeerSend> sends);
  void send_beside_canary(std::span<hub::PeerSend> sends);
  bool take_answer(hub::Mail& mail);
  void check_connection(uint32_t index) const;
  io::Socket socket_of(uint32_t index) const { return {index, connections_[index].generation}; }
  void close_now(uint32_t index, bool is_reset);
  void end_after_sending(uint32_t index);
  bool leaves_unread(uint32_t index) const;
  void pause_until_drained(uint32_t index);
  void receive_again(uint32_t index, Connection::Flag pause);
  void note_stream_closed(uint32_t index, uint16_t code, std::string_view reason, Cause cause);
  void note_ended(uint32_t index, EndKind kind, uint16_t code, std::string_view reason,
                  Cause cause);
  bool take_request(hub::Mail& mail, int64_t now_ns);
  void describe(uint32_t index, SeenConnection& seen) const;
  void drop_subscriptions(uint32_t index);
  void defer(uint32_t index, Deferred::What what);
  void drop_subscriptions_soon(uint32_t index);  // at once where that is allowed (invariant 3)
  void run_deferred();
  void relieve_memory();
  // Of this turn, not the wheel's: that stands still while we sleep, or are frozen, and is moved on
  // only after the turn's I/O. A newcomer's time must not begin before it came.
  uint32_t now_tick() const { return shard::tick_of(driver_.now_ns()); }
  void arm_ms(uint32_t index, int64_t ms);
  void arm_tick(uint32_t index, uint32_t tick) { wheel_.arm(index, tick); }
  void charge_exchange(HttpExchange& http);
  void free_exchange(Connection& c);
  bool is_refusing(const Connection& c) const;

  // front_visitor.cc
  void meet_visitor(uint32_t index);
  void learn_visitor(uint32_t index);
  void limit_streams(uint32_t index);
  bool may_enter(uint32_t index);
  void leave_visitor(uint32_t index);
  const Visitor* visitor_of(uint32_t index) const;
  std::string address_of(uint32_t index) const;

  // front_http.cc
  void http_input(uint32_t index, std::span<char> bytes);
  bool http_step(uint32_t index, std::span<char>& input);
  void refuse_body(uint32_t index);
  void http_error(uint32_t index, wire::HttpError error, std::string_view detail);
  void http_head(uint32_t index);
  void http_complete(uint32_t index);
  bool answer_own_paths(uint32_t index, const Request& request);
  Route route_of(uint32_t index, const Request& request);
  Route refusal_of(const Route& wanted, const Connection& c) const;
  void keep_input(uint32_t index, std::span<char> input);
  bool may_publish(std::string_view channel, std::string_view payload);
  void reply(uint32_t index, const Reply& reply, bool is_close);
  void next_request(uint32_t index);
  void take_pipelined(uint32_t index);

  // front_stream.cc
  void open_stream(uint32_t index);
  std::string sse_head(uint32_t index, const Stream& stream);
  void send_stream_head(uint32_t index);
  void end_sse(uint32_t index, uint32_t retry_ms, Cause cause);
  bool may_subscribe(uint32_t index, std::string_view channel) const;
  void take_kept_input(uint32_t index);
  std::string channel_of(hub::SubscriptionId subscription) const;
  void tell_gap(hub::PeerId peer, hub::SubscriptionId subscription, Gap gap,
                hub::Position position);
  uint32_t retry_jitter_ms();
  Session session_of(uint32_t index);

  // front_ws.cc
  bool check_upgrade(uint32_t index);
  std::string ws_head(uint32_t index, const Stream& stream);
  void ws_input(uint32_t index, std::span<char> bytes);
  void ws_keep_input(uint32_t index, std::span<const char> bytes);
  void ws_take_waiting();
  bool ws_event(uint32_t index, const wire::WsEvent& event);
  bool is_flood_of_control(Connection& c) const;
  void ws_close(uint32_t index, uint16_t code, std::string_view reason, Cause cause);
  void ws_pause_if_full(uint32_t index);

  // front_time.cc
  void on_timer(uint32_t index);
  void beat_sse(uint32_t index);
  void beat_ws(uint32_t index);
  void await_pong(uint32_t index);
  bool may_lie_unread(const Connection& c) const;
  void give_time(uint32_t index, int64_t ms);
  void drain_step(int64_t now_ns);
  bool may_tell_now(int64_t now_ns);
  void end_idle(uint32_t index);
  bool tell_to_go(uint32_t index, bool is_late);
  void retry_publishes();
  void trim_if_quiet(int64_t now_ns);
  void hand_over(hub::MessagePtr message, uint64_t token);

  const uint32_t shard_;
  Shared& shared_;
  const EngineOptions& options_;
  io::Driver& driver_;
  base::MemoryAccount account_;
  Counters counters_;
  const std::unique_ptr<Compression> compression_;  // COMPRESSION is off: none
  hub::Hub hub_;                                    // its streams use the encodings of compression_
  shard::TimerWheel wheel_;
  const uint32_t slots_kept_;
  ShardCanary canary_;
  std::unique_ptr<Profile> profile_;

  base::Slab<Connection> connections_;
  struct Sending {            // dense, for send_batch()
    uint32_t generation = 0;  // copy of Connection::generation
    uint32_t sent_bytes = 0;  // modulo 4 GB
  };
  std::vector<Sending> sending_;
  std::vector<Visitor> visitors_;  // empty unless Shared::knows_visitors()
  std::vector<io::SendRequest> io_requests_;
  base::RingQueue<WaitingPublish> waiting_publishes_;
  std::vector<Deferred> deferred_;
  struct WaitingInput {
    uint32_t index = 0;
    uint32_t generation = 0;
    std::string bytes;  // charged to the memory budget
  };
  base::RingQueue<WaitingInput> waiting_inputs_;  // of WebSockets (Connection::kInputWaits)
  bool is_in_hub_ = false;
  bool is_opening_ = false;  // Profile::on_open() runs and still looks at the request
  int64_t next_second_ns_ = 0;
  int64_t next_profile_tick_ns_ = 0;
  int64_t read_until_ns_ = 0;  // what had come by then is read, in this turn's timers
  uint64_t comings_ = 0;       // and goings, as trim_if_quiet() last saw them
  uint64_t trimmed_comings_ = 0;
  int64_t quiet_since_ns_ = 0;

  bool is_draining_ = false;
  bool is_finished_ = false;
  bool is_counted_out_ = false;
  bool is_out_of_slots_ = false;
  bool is_quiet_ = false;       // draining, and none of our publishes is unanswered
  bool may_tell_ = false;       // draining, and all that was published has been appended here
  uint32_t publishes_out_ = 0;  // handed to the hub, or waiting, and not answered
  int64_t drain_begin_ns_ = 0;
  int64_t telling_since_ns_ = 0;
  int64_t drain_ns_ = 0;
  uint32_t drain_cursor_ = 0;
  uint32_t drain_total_ = 0;
  uint32_t drain_told_ = 0;
  uint32_t jitter_ = 0x9e3779b9;
  Insight insight_;
};

}  // namespace livehub::session
