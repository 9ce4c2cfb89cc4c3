// One published message: immutable once sequenced, shared by all shards, counted by one atomic. The
// one allocation of a publish; deliveries make none.
//
// Thread rule: immutable after the owner has set its position (before that the publishing shard,
// then the owner, hold it alone). The payload has passed the gate: valid UTF-8, one line, no CR, LF
// or NUL.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "hub/position.h"

namespace livehub::hub {

inline constexpr uint64_t kNobody = ~uint64_t{0};

// One connection's name within the process, for Message::skip.
inline uint64_t peer_name(uint32_t shard, uint32_t generation, uint32_t index) {
  return static_cast<uint64_t>(shard & 0xff) << 56 |
         static_cast<uint64_t>(generation & 0xffffff) << 32 | index;
}

struct Message {
  // Pairs with itself: the last release, on whichever shard, frees. Mutable: who counts itself
  // among the readers changes nothing that they read.
  mutable std::atomic<uint32_t> references{1};
  uint32_t payload_bytes = 0;
  uint32_t channel_bytes = 0;
  uint32_t event_bytes = 0;
  Position position;
  int64_t published_ns = 0;  // monotonic, of the publishing shard
  uint64_t skip = kNobody;   // the one connection that does not get it (peer_name())

  const char* payload_data() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view payload() const { return {payload_data(), payload_bytes}; }
  std::string_view channel() const { return {payload_data() + payload_bytes, channel_bytes}; }
  std::string_view event() const {
    return {payload_data() + payload_bytes + channel_bytes, event_bytes};
  }
  size_t memory_bytes() const {
    return sizeof(Message) + payload_bytes + channel_bytes + event_bytes;
  }
};

class MessagePtr {
 public:
  MessagePtr() = default;
  static MessagePtr make(std::string_view channel, std::string_view payload,
                         std::string_view event = {}) {
    void* memory = ::operator new(sizeof(Message) + payload.size() + channel.size() + event.size());
    auto* message = new (memory) Message;
    message->payload_bytes = static_cast<uint32_t>(payload.size());
    message->channel_bytes = static_cast<uint32_t>(channel.size());
    message->event_bytes = static_cast<uint32_t>(event.size());
    char* bytes = reinterpret_cast<char*>(message + 1);
    if (!payload.empty()) std::memcpy(bytes, payload.data(), payload.size());
    if (!channel.empty()) std::memcpy(bytes + payload.size(), channel.data(), channel.size());
    bytes += payload.size() + channel.size();
    if (!event.empty()) std::memcpy(bytes, event.data(), event.size());
    return MessagePtr(message);
  }
  // Takes over a reference that release() gave away.
  static MessagePtr adopt(Message* message) { return MessagePtr(message); }
  // One more reference to a message that somebody else holds.
  static MessagePtr hold(const Message& message) {
    message.references.fetch_add(1, std::memory_order_relaxed);
    return MessagePtr(const_cast<Message*>(&message));
  }

  MessagePtr(const MessagePtr& other) : message_(other.message_) {
    if (message_) message_->references.fetch_add(1, std::memory_order_relaxed);
  }
  MessagePtr(MessagePtr&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessagePtr& operator=(const MessagePtr& other) noexcept { return *this = MessagePtr(other); }
  MessagePtr& operator=(MessagePtr&& other) noexcept {
    MessagePtr taken(std::move(other));  // what was here goes with it, also where both are one
    std::swap(message_, taken.message_);
    return *this;
  }
  ~MessagePtr() {
    // acq_rel pairs the freeing thread with every earlier reader's release.
    if (message_ && message_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      message_->~Message();
      ::operator delete(message_);
    }
  }

  Message* release() { return std::exchange(message_, nullptr); }
  Message* get() const { return message_; }
  Message* operator->() const { return message_; }
  const Message& operator*() const { return *message_; }
  explicit operator bool() const { return message_ != nullptr; }

 private:
  explicit MessagePtr(Message* message) : message_(message) {}
  Message* message_ = nullptr;
};

}  // namespace livehub::hub
