// What shards say to each other about channels. A value that moves through a mailbox; whoever holds
// it owns what it points to.
//
// Two lanes join each ordered pair of shards. *Requests* may have to wait for room in an answer
// lane; *answers* never wait for anything but the receiver's own flushing. So no two shards can
// wait for each other. Live messages, join answers and replay windows share the answer lane: its
// order is what makes a join exact (ARCHITECTURE.md, "Joining").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hub/message.h"
#include "hub/position.h"

namespace livehub::hub {

using ShardId = uint16_t;
inline constexpr ShardId kShardsMax = 256;

enum class MailKind : uint8_t {
  // requests, to a channel's owner
  kPublish,  // message; token is the publisher's
  kJoin,     // cargo->channel; `channel` is the joiner's local index, to be used in answers
  kLeave,    // cargo->channel
  kReplay,   // cargo->channel; position: after this; token names the subscriber
  // requests of a feed, which never gets an answer
  kFeed,         // message; its position is set where the feed numbers the channel
  kFeedReady,    // cargo->channel, position: messages come from here on
  kFeedRefused,  // cargo->channel: the broker is away
  kFeedGap,      // cargo->channel, position: messages may be missing before what comes now
  kFetched,      // cargo->messages, cargo->gap; token as in Feed::fetch()
  // answers, from the owner
  kPublished,  // position, result; token as in the request
  kLive,       // message; `channel`: the receiver's local index
  kJoined,     // position: the head; `channel` as in kJoin
  kLeft,       // `channel`
  kWindow,     // cargo->messages …; token as in kReplay
  kGap,        // position: where the channel goes on; `channel`: the receiver's local index
};

enum class PublishResult : uint8_t {
  kAccepted,  // sequenced, and in the mailbox of every shard that has subscribers
  kBusy,      // subscribers could not be served for PUSH_WAIT_MS: not sequenced, try again
};

struct Cargo {
  std::string channel;
  std::vector<MessagePtr> messages;
  bool gap = false;       // something after the asked position is gone
  bool complete = false;  // nothing newer was known when this was sent
  Position next;          // of a window that is not complete: ask on from here
};

struct Mail {
  MailKind kind = MailKind::kLive;
  PublishResult result = PublishResult::kAccepted;
  ShardId from = 0;
  uint32_t channel = 0;
  uint64_t token = 0;
  Position position;
  MessagePtr message;
  std::unique_ptr<Cargo> cargo;
};

// The way out of a shard, as the hub sees it; the mailboxes behind it are the shard's business.
class Post {
 public:
  virtual ~Post() = default;
  // True if a live message or a publish would be taken now. Everything else is always taken.
  virtual bool has_room(ShardId to, bool request_lane) const = 0;
  virtual void send_request(ShardId to, Mail&& mail) = 0;
  virtual void send_answer(ShardId to, Mail&& mail) = 0;
};

}  // namespace livehub::hub
