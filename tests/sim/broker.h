// A broker beside the simulated server, and the server's source that reads from it: what a Redis
// Stream or a JetStream stream does (it keeps what it was given and numbers it), or Redis pub/sub
// and NOTIFY (it keeps nothing). Its faults: it is away, it wedges (the link is open and nothing
// comes), it cuts the link in the middle, it sends garbage, sends again what was there already, and
// forgets its oldest. Backends write into it, and so do pushes through the server. One thread.
//
// The broker outlives the server's lives, a source belongs to one. What the server's shards ask of
// a source is only noted; it answers when it is its turn, as a thread of its own would.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "client.h"
#include "livehub/source.h"

namespace livehub::sim {

struct BrokerCounts {
  uint64_t appended = 0, refused = 0, cuts = 0, stalls = 0, garbage = 0, again = 0, trims = 0,
           gaps = 0, fetches = 0, refusals = 0;
};

class Broker {
 public:
  struct Entry {
    uint64_t push;  // its number
    uint64_t offset;
    std::string payload;
  };

  Broker(Scene& scene, bool is_numbered);

  bool is_numbered() const { return is_numbered_; }
  bool is_away() const { return scene_.kernel.now_ns() < back_at_ns_; }
  // A push that came over HTTP: `done` is called later, unless the server's life ends before.
  void push(std::string document, std::function<void(bool is_taken)> done);
  void forget_pushes() { pushes_.clear(); }

  // The entries that are kept, in order, and the offsets of what was forgotten and of the newest.
  const std::deque<Entry>& entries() const { return entries_; }
  uint64_t trimmed_offset() const { return trimmed_offset_; }
  uint64_t head_offset() const { return head_offset_; }
  BrokerCounts& counts() { return counts_; }

  bool is_active() const;
  bool act();
  void act_freely();  // in the chaos, now and then
  int64_t due_ns() const;

 private:
  struct Push {
    std::string document;
    std::function<void(bool)> done;
    int64_t due_ns;
  };
  void append(uint64_t number);

  Scene& scene_;
  const bool is_numbered_;
  std::deque<Entry> entries_;
  std::deque<Push> pushes_;
  uint64_t trimmed_offset_ = 0;
  uint64_t head_offset_ = 0;
  int64_t back_at_ns_ = 0;
  BrokerCounts counts_;
};

class BrokerSource final : public Source {
 public:
  BrokerSource(Scene& scene, Broker& broker) : scene_(scene), broker_(broker) {}

  // `has_room`: whether what the hub never refuses would have to wait.
  void set_room(std::function<bool()> has_room) { has_room_ = std::move(has_room); }
  std::string start(Inlet& inlet) override;
  void stop() override { inlet_ = nullptr; }
  bool feeds(std::string_view channel) const override { return channel == kChannel; }
  void want(std::string_view) override { asked_.push_back({Asked::kWant, {}, {}, 0, 0}); }
  void unwant(std::string_view) override { asked_.push_back({Asked::kUnwant, {}, {}, 0, 0}); }
  void fetch(std::string_view, SourcePosition after, SourcePosition until, size_t bytes_max,
             uint64_t token) override {
    asked_.push_back({Asked::kFetch, after, until, bytes_max, token});
  }

  bool is_active() const;
  bool act();
  void act_freely();
  int64_t due_ns() const;
  void calm_down();
  // Nothing of the broker's is on its way.
  bool is_settled() const { return is_linked_ && !is_stalled() && asked_.empty() && !has_next(); }

 private:
  static constexpr const char* kChannel = "live";
  struct Asked {
    enum Kind : uint8_t { kWant, kUnwant, kFetch } kind;
    SourcePosition after, until;
    size_t bytes_max;
    uint64_t token;
  };
  bool is_stalled() const { return scene_.kernel.now_ns() < stalled_until_ns_; }
  bool may_link() const { return scene_.kernel.now_ns() >= retry_at_ns_ && !broker_.is_away(); }
  bool has_next() const;
  void link();
  void cut();
  void answer_asked();
  void stall(uint64_t ms_max);
  void confirm();
  void deliver_fetched(const Asked& asked);
  bool publish_next();
  void send_garbage();
  SourcePosition position_of(uint64_t offset) const;
  std::optional<SourcePosition> here() const;

  Scene& scene_;
  Broker& broker_;
  Inlet* inlet_ = nullptr;
  std::function<bool()> has_room_;
  std::deque<Asked> asked_;
  bool is_linked_ = false;
  bool is_wanted_ = false;
  bool is_confirmed_ = false;  // since it was wanted
  bool is_reading_ = false;    // subscribed on this link
  uint64_t cursor_ = 0;        // offset of the last entry that was sent on
  int64_t retry_at_ns_ = 0;
  int64_t stalled_until_ns_ = 0;
};

}  // namespace livehub::sim
