// A source's way into the hub: what it says becomes mail in the request lanes of the shards that
// own the channels. One object for each source, used by one thread of that source (mailbox); it
// sends as a guest of the mailboxes. Tests:
// tests/unit/server/engine_source_test.cc.
#pragma once

#include "hub/feed.h"
#include "hub/mail.h"
#include "hub/reserved.h"
#include "session/shard_canary.h"
#include "session/shared.h"

namespace livehub::session {

class ShardInlet : public Inlet {
 public:
  using Clock = int64_t (*)();  // monotonic, nanoseconds
  ShardInlet(Shared& shared, uint32_t guest, Clock clock)
      : shared_(shared),
        guest_(guest),
        from_(shared.identity.shard_count + guest),
        canary_channel_(canary_channel_of_source(guest)),
        clock_(clock) {}

  Result publish(const Publication& publication) override;
  void confirm(std::string_view channel, std::optional<SourcePosition> head) override;
  void refuse(std::string_view channel) override;
  void tell_gap(std::string_view channel, std::optional<SourcePosition> head) override;
  void deliver(uint64_t token, Backlog backlog) override;
  void refuse_canary(std::string_view why) override;

 private:
  // The hub's name of it: each source has a canary of its own.
  std::string_view channel_of(std::string_view channel) const {
    return hub::is_reserved(channel) ? std::string_view(canary_channel_) : channel;
  }
  bool passes_gate(std::string_view payload, std::string_view event);
  uint32_t owner_of(std::string_view channel) const;
  void say(hub::MailKind kind, std::string_view channel, std::optional<SourcePosition> head);
  void send(uint32_t owner, hub::Mail&& mail);

  Shared& shared_;
  const uint32_t guest_;
  const uint32_t from_;
  const std::string canary_channel_;
  const Clock clock_;
};

// A source as the owners of channels see it.
class SourceFeed : public hub::Feed {
 public:
  // `guest`: as that of its inlet.
  SourceFeed(Source& source, uint32_t guest)
      : source_(source), canary_channel_(canary_channel_of_source(guest)) {}
  bool feeds(std::string_view channel) const override {
    if (!hub::is_reserved(channel)) return source_.feeds(channel);
    return channel == canary_channel_ && !source_.canary_name().empty();
  }
  void want(std::string_view channel) override { source_.want(channel_of(channel)); }
  void unwant(std::string_view channel) override { source_.unwant(channel_of(channel)); }
  int64_t wait_ns() const override { return source_.wait_ms() * 1'000'000; }
  void fetch(std::string_view channel, hub::Position after, hub::Position until, size_t bytes_max,
             uint64_t token) override {
    source_.fetch(channel, {after.epoch, after.offset}, {until.epoch, until.offset}, bytes_max,
                  token);
  }

 private:
  static std::string_view channel_of(std::string_view channel) {
    return hub::is_reserved(channel) ? kCanaryChannel : channel;
  }
  Source& source_;
  const std::string canary_channel_;
};

}  // namespace livehub::session
