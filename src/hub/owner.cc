#include "hub/owner.h"

#include <algorithm>

#include "base/check.h"
#include "hub/reserved.h"

namespace livehub::hub {

Owner::~Owner() { account_.release(static_cast<int64_t>(history_bytes_)); }

uint32_t Owner::find(uint64_t hash, std::string_view name) const {
  const uint32_t entry = directory_.find(hash, name);
  return entry == base::kNoIndex ? base::kNoIndex : directory_[entry].owned;
}

uint32_t Owner::find_or_make(std::string_view name) {
  const uint32_t entry = directory_.find_or_make(identity_.hash(name), name);
  if (directory_[entry].owned != base::kNoIndex) return directory_[entry].owned;
  const uint32_t id = channels_.allocate();
  directory_[entry].owned = id;
  channels_[id].entry = entry;
  channels_[id].discarded = forgotten_offset_;
  reserved_channels_ += is_reserved(name);
  if (Feed* feed = identity_.feed_of(name)) {
    channels_[id].fed = std::make_unique<Fed>();
    channels_[id].fed->feed = feed;
  }
  return id;
}

void Owner::forget_if_unused(uint32_t id) {
  const Channel& channel = channels_[id];
  if (!channel.members.empty() || channel.history) return;
  if (channel.fed && channel.fed->state != Fed::State::kIdle) return;
  if (!channel.fed || !channel.fed->is_numbered)
    forgotten_offset_ = std::max(forgotten_offset_, channel.discarded);
  const uint32_t entry = channel.entry;
  const std::string_view name = name_of(channel);
  reserved_channels_ -= is_reserved(name);
  directory_[entry].owned = base::kNoIndex;
  directory_.release_if_unused(entry, identity_.hash(name));
  channels_.release(id);
}

void Owner::answer_published(const Mail& request, PublishResult result, Position position) {
  Mail answer;
  answer.kind = MailKind::kPublished;
  answer.from = self_;
  answer.token = request.token;
  answer.result = result;
  answer.position = position;
  post_.send_answer(request.from, std::move(answer));
}

bool Owner::on_publish(Mail& mail, int64_t now_ns) {
  const std::string_view name = mail.message->channel();
  uint32_t id = find(identity_.hash(name), name);
  // Where the broker numbers, all messages come from it.
  const bool is_numbered =
      id != base::kNoIndex && channels_[id].fed && channels_[id].fed->is_numbered;
  if (is_numbered || now_ns - mail.message->published_ns > limits_.push_wait_ns) {
    ++counters_.refused_busy;
    answer_published(mail, PublishResult::kBusy, {});
    return true;
  }
  if (id != base::kNoIndex && !members_have_room(channels_[id])) return false;
  mail.message->position = {identity_.epoch, ++last_offset_};
  const Position position = mail.message->position;
  if (id == base::kNoIndex) id = find_or_make(name);
  counters_.published += !is_reserved(name);
  hand_out(id, mail.message);
  answer_published(mail, PublishResult::kAccepted, position);
  forget_if_unused(id);
  return true;
}

bool Owner::members_have_room(const Channel& channel) const {
  for (const Member& member : channel.members)
    if (!post_.has_room(member.shard, false)) return false;
  return true;
}

void Owner::hand_out(uint32_t id, const MessagePtr& message) {
  for (const Member& member : channels_[id].members) {
    Mail live;
    live.kind = MailKind::kLive;
    live.from = self_;
    live.channel = member.local_channel;
    live.message = message;
    post_.send_answer(member.shard, std::move(live));
  }
  remember(id, message);
}

void Owner::forget_history(Channel& channel) {
  while (channel.history) drop_oldest(channel);
}

Position Owner::head_of(const Channel& channel) const {
  if (channel.fed && channel.fed->is_numbered) return channel.fed->head;
  return {identity_.epoch, last_offset_};
}

void Owner::remember(uint32_t id, const MessagePtr& message) {
  Channel& channel = channels_[id];
  const bool is_kept = !is_reserved(message->channel()) && limits_.history_count > 0 &&
                       limits_.history_ns > 0 && message->memory_bytes() <= limits_.history_bytes &&
                       has_history_room(channel, message->memory_bytes());
  if (!is_kept) {
    forget_history(channel);
    channel.discarded = message->position.offset;
    return;
  }
  if (!channel.history) channel.history = std::make_unique<History>();
  History& history = *channel.history;
  history.bytes += message->memory_bytes();
  history_bytes_ += message->memory_bytes();
  ++history_messages_;
  account_.charge(static_cast<int64_t>(message->memory_bytes()));
  history.messages.push(message);
  // The newest fits alone, so the history does not end here.
  while (history.messages.size() > 1 &&
         (history.messages.size() > limits_.history_count || history.bytes > limits_.history_bytes))
    drop_oldest(channel);
  if (channel.expiry == 0)
    expire_at(id, history.messages.front()->published_ns + limits_.history_ns);
}

// With little memory left a channel's newest message takes the place of its oldest ones.
bool Owner::has_history_room(Channel& channel, size_t bytes) {
  if (!account_.is_tight()) return true;
  const size_t before = history_bytes_;
  while (channel.history && before - history_bytes_ < bytes) drop_oldest(channel);
  return before - history_bytes_ >= bytes && !account_.is_over();
}

void Owner::expire_at(uint32_t id, int64_t at_ns) {
  if (++expiry_serial_ == 0) ++expiry_serial_;
  channels_[id].expiry = expiry_serial_;
  expiries_.push({at_ns, id, expiry_serial_});
}

void Owner::drop_oldest(Channel& channel) {
  History& history = *channel.history;
  const MessagePtr oldest = history.messages.pop();
  const size_t bytes = oldest->memory_bytes();
  channel.discarded = oldest->position.offset;
  history.bytes -= bytes;
  history_bytes_ -= bytes;
  --history_messages_;
  account_.release(static_cast<int64_t>(bytes));
  if (history.messages.empty()) channel.history.reset();
}

void Owner::expire(int64_t now_ns) {
  for (int budget = 1024; budget > 0 && !expiries_.empty() && expiries_.top().at_ns <= now_ns;
       --budget) {
    const Expiry expiry = expiries_.top();
    expiries_.pop();
    if (!channels_.contains(expiry.channel)) continue;
    Channel& channel = channels_[expiry.channel];
    if (channel.expiry != expiry.serial) continue;  // the slot has another tenant now
    channel.expiry = 0;
    for (int drops = 256; drops > 0 && channel.history; --drops) {
      if (channel.history->messages.front()->published_ns + limits_.history_ns > now_ns) break;
      drop_oldest(channel);
    }
    if (channel.history)
      expire_at(expiry.channel,
                channel.history->messages.front()->published_ns + limits_.history_ns);
    forget_if_unused(expiry.channel);
  }
}

void Owner::on_join(const Mail& mail, int64_t now_ns) {
  const uint32_t id = find_or_make(mail.cargo->channel);
  const Member member{mail.from, mail.channel};
  Fed* fed = channels_[id].fed.get();
  if (fed && fed->state == Fed::State::kIdle) want(id, now_ns);
  if (fed && fed->state == Fed::State::kAsked)
    fed->waiting.push_back(member);
  else
    answer_joined(id, member);
}

void Owner::answer_joined(uint32_t id, Member member) {
  Channel& channel = channels_[id];
  channel.members.push_back(member);
  Mail answer;
  answer.kind = MailKind::kJoined;
  answer.from = self_;
  answer.channel = member.local_channel;
  answer.position = head_of(channel);
  post_.send_answer(member.shard, std::move(answer));
}

void Owner::on_leave(const Mail& mail) {
  const std::string_view name = mail.cargo->channel;
  const uint32_t id = find(identity_.hash(name), name);
  LIVEHUB_CHECK(id != base::kNoIndex, "only members leave a channel");
  if (Fed* fed = channels_[id].fed.get()) {
    // It waits for two answers, whether the broker has come or not.
    const auto is_leaver = [&](const Member& m) { return m.shard == mail.from; };
    const auto waiting = std::find_if(fed->waiting.begin(), fed->waiting.end(), is_leaver);
    if (waiting != fed->waiting.end()) {
      const Member member = *waiting;
      fed->waiting.erase(waiting);
      answer_joined(id, member);
    }
  }
  channels_[id].members.erase_if([&](const Member& m) { return m.shard == mail.from; });
  Mail answer;
  answer.kind = MailKind::kLeft;
  answer.from = self_;
  answer.channel = mail.channel;
  post_.send_answer(mail.from, std::move(answer));
  unwant_if_unused(id);
  forget_if_unused(id);
}

// Answers with the messages after a position, at most a window of them. A position beyond
// everything this owner ever gave out is none of ours: it starts at the head, or waits where a
// broker numbers. One of another epoch is a gap, followed by what is kept.
void Owner::on_replay(Mail& mail, int64_t now_ns) {
  ++counters_.replays;
  const std::string_view name = mail.cargo->channel;
  const uint32_t id = find(identity_.hash(name), name);
  if (id == base::kNoIndex || !hold_instead(mail, id, now_ns)) answer_replay(mail, id);
}

void Owner::answer_replay(Mail& mail, uint32_t id) {
  const Position head =
      id == base::kNoIndex ? Position{identity_.epoch, last_offset_} : head_of(channels_[id]);
  const uint64_t discarded = id == base::kNoIndex ? forgotten_offset_ : channels_[id].discarded;
  const bool is_of_head = mail.position.epoch == head.epoch;
  if (is_of_head && mail.position.offset < discarded && id != base::kNoIndex &&
      fetch_instead(mail, channels_[id]))
    return;
  auto cargo = std::make_unique<Cargo>();
  uint64_t after = std::min(mail.position.offset, head.offset);
  cargo->gap = !is_of_head || after < discarded;
  if (cargo->gap) after = discarded;
  if (cargo->gap) ++counters_.gaps;
  cargo->complete = true;
  if (id != base::kNoIndex && channels_[id].history) add_history(channels_[id], after, *cargo);
  counters_.replayed_messages += cargo->messages.size();
  send_window(mail.from, mail.token, {head.epoch, after}, std::move(cargo));
}

// What the history has after an offset, as much as fits into a window.
void Owner::add_history(const Channel& channel, uint64_t after, Cargo& cargo) const {
  const auto& messages = channel.history->messages;
  size_t low = 0, high = messages.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (messages.at(middle)->position.offset <= after)
      low = middle + 1;
    else
      high = middle;
  }
  for (size_t bytes = 0; low < messages.size() && cargo.complete; ++low) {
    bytes += messages.at(low)->payload_bytes;
    cargo.messages.push_back(messages.at(low));
    cargo.complete = bytes < limits_.replay_window_bytes || low + 1 == messages.size();
  }
  if (!cargo.messages.empty()) cargo.next = cargo.messages.back()->position;
}

void Owner::send_window(ShardId to, uint64_t token, Position from, std::unique_ptr<Cargo> cargo) {
  Mail answer;
  answer.kind = MailKind::kWindow;
  answer.from = self_;
  answer.token = token;
  answer.position = from;
  answer.cargo = std::move(cargo);
  post_.send_answer(to, std::move(answer));
}

void Owner::check_invariants() const {
  size_t bytes = 0, messages = 0;
  for (uint32_t id = 0; id < channels_.index_end(); ++id) {
    if (!channels_.contains(id)) continue;
    const Channel& channel = channels_[id];
    check_fed(channel);
    LIVEHUB_CHECK(directory_[channel.entry].owned == id, "an owned channel has its name");
    LIVEHUB_CHECK(channel.discarded <= head_of(channel).offset,
                  "nothing is discarded before it is published");
    if (!channel.history) continue;
    LIVEHUB_CHECK(!channel.history->messages.empty(), "an empty history is no history");
    uint64_t previous = channel.discarded;
    for (size_t i = 0; i < channel.history->messages.size(); ++i) {
      const Message& message = *channel.history->messages.at(i);
      LIVEHUB_CHECK(message.position.offset > previous, "offsets grow within a history");
      previous = message.position.offset;
      bytes += message.memory_bytes();
      ++messages;
    }
  }
  LIVEHUB_CHECK(bytes == history_bytes_ && messages == history_messages_,
                "history is counted exactly");
}

}  // namespace livehub::hub
