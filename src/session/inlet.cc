#include "session/inlet.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "wire/sse.h"
#include "wire/utf8.h"

namespace livehub::session {
namespace {

static_assert(SourcePosition::kTimeEpoch == hub::kTimeEpoch);
static_assert(kCanaryChannel.front() == hub::kReservedMark);
static_assert(SourcePosition::of_time(1, 0).offset == uint64_t{1} << hub::kTimeCountBits);

hub::Position position_of(std::optional<SourcePosition> position) {
  return position ? hub::Position{position->epoch, position->offset} : hub::Position{};
}

}  // namespace

// The one gate into the hub, as for every other publish.
bool ShardInlet::passes_gate(std::string_view payload, std::string_view event) {
  const bool passes = payload.size() <= shared_.options.message_bytes_max &&
                      wire::is_sse_line(payload) && wire::is_sse_line(event) &&
                      wire::utf8_valid(payload) && wire::utf8_valid(event);
  // relaxed: a counter, read by scrapes.
  if (!passes) shared_.refused_by_gate.fetch_add(1, std::memory_order_relaxed);
  return passes;
}

uint32_t ShardInlet::owner_of(std::string_view channel) const {
  return shared_.identity.owner_of(shared_.identity.hash(channel));
}

Inlet::Result ShardInlet::publish(const Publication& publication) {
  if (!passes_gate(publication.payload, publication.event)) return Result::kRefused;
  const std::string_view channel = channel_of(publication.channel);
  const uint32_t owner = owner_of(channel);
  if (!shared_.requests.has_room(from_, owner)) return Result::kFull;
  hub::Mail mail;
  mail.kind = hub::MailKind::kFeed;
  mail.message = hub::MessagePtr::make(channel, publication.payload, publication.event);
  mail.message->published_ns = clock_();
  mail.message->position = position_of(publication.position);
  shared_.requests.send(from_, owner, std::move(mail));
  return Result::kTaken;
}

// Rare and never refused: the source's thread waits for room, as long as there are shards to make
// it.
void ShardInlet::send(uint32_t owner, hub::Mail&& mail) {
  while (!shared_.requests.has_room(from_, owner)) {
    // acquire pairs with the engine's end.
    if (shared_.has_ended.load(std::memory_order_acquire)) return;
    // tidy: sleep: on the source's own thread, not a shard's
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  shared_.requests.send(from_, owner, std::move(mail));
}

void ShardInlet::say(hub::MailKind kind, std::string_view name,
                     std::optional<SourcePosition> head) {
  const std::string_view channel = channel_of(name);
  hub::Mail mail;
  mail.kind = kind;
  mail.position = position_of(head);
  mail.cargo = std::make_unique<hub::Cargo>();
  mail.cargo->channel = channel;
  send(owner_of(channel), std::move(mail));
}

void ShardInlet::confirm(std::string_view channel, std::optional<SourcePosition> head) {
  say(hub::MailKind::kFeedReady, channel, head);
}
void ShardInlet::refuse(std::string_view channel) { say(hub::MailKind::kFeedRefused, channel, {}); }
void ShardInlet::tell_gap(std::string_view channel, std::optional<SourcePosition> head) {
  say(hub::MailKind::kFeedGap, channel, head);
}

void ShardInlet::refuse_canary(std::string_view why) {
  if (!shared_.canaries || !shared_.canaries->refuse(guest_)) return;
  base::log_warn("canary: " + shared_.canaries->name_of(guest_) +
                 " refuses it, so this way is not watched: " + std::string(why));
}

void ShardInlet::deliver(uint64_t token, Backlog backlog) {
  hub::Mail mail;
  mail.kind = hub::MailKind::kFetched;
  mail.token = token;
  mail.cargo = std::make_unique<hub::Cargo>();
  mail.cargo->gap = backlog.gap;
  for (const Backlog::Entry& entry : backlog.entries) {
    if (!passes_gate(entry.payload, entry.event)) continue;
    hub::MessagePtr message = hub::MessagePtr::make({}, entry.payload, entry.event);
    message->published_ns = clock_();
    message->position = {entry.position.epoch, entry.position.offset};
    mail.cargo->messages.push_back(std::move(message));
  }
  // The window's end goes by its messages: without any, what comes behind it would be passed over.
  if (mail.cargo->messages.empty() && !backlog.entries.empty()) mail.cargo->gap = true;
  send(static_cast<uint32_t>(token & 0xffff), std::move(mail));
}

}  // namespace livehub::session
