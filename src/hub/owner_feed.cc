// The owner's side of channels that a broker feeds: who joins waits for the broker, what comes from
// it is handed out in its order, and what is older than our memory is fetched from it.
#include <algorithm>

#include "base/check.h"
#include "hub/owner.h"
#include "hub/reserved.h"

namespace livehub::hub {

// --- wanting ---

void Owner::want(uint32_t id, int64_t now_ns) {
  Channel& channel = channels_[id];
  channel.fed->state = Fed::State::kAsked;
  channel.fed->release_ns = now_ns + channel.fed->feed->wait_ns();
  asked_.push({channel.fed->release_ns, id});
  channel.fed->feed->want(name_of(channel));
}

void Owner::release_joins(uint32_t id) {
  std::vector<Member> waiting;
  waiting.swap(channels_[id].fed->waiting);
  for (const Member& member : waiting) answer_joined(id, member);
}

void Owner::release_late(int64_t now_ns) {
  while (!asked_.empty() && asked_.top().at_ns <= now_ns) {
    const uint32_t id = asked_.top().channel;
    asked_.pop();
    if (!channels_.contains(id) || !channels_[id].fed) continue;
    release_late_held(id, now_ns);
    Fed& fed = *channels_[id].fed;
    if (fed.state != Fed::State::kAsked || fed.release_ns > now_ns) continue;
    counters_.feed_waits_over += !is_reserved(name_of(channels_[id]));
    fed.state = Fed::State::kAway;
    release_joins(id);
  }
}

// Messages pass us by from here on: what we remember would have a hole that nobody could see.
void Owner::unwant_if_unused(uint32_t id) {
  Channel& channel = channels_[id];
  Fed* fed = channel.fed.get();
  if (!fed || fed->state == Fed::State::kIdle) return;
  if (!channel.members.empty() || !fed->waiting.empty()) return;
  fed->state = Fed::State::kIdle;
  fed->held.clear();  // of subscribers that are gone, as their shards are
  fed->feed->unwant(name_of(channel));
  forget_history(channel);
  channel.discarded = head_of(channel).offset;
}

// --- what the feed says ---

uint32_t Owner::find_flowing(std::string_view name, Fed::State least) const {
  const uint32_t id = find(identity_.hash(name), name);
  if (id == base::kNoIndex || !channels_[id].fed) return base::kNoIndex;
  return channels_[id].fed->state < least ? base::kNoIndex : id;
}

void Owner::raise_head(Channel& channel, Position position) {
  if (position.epoch == 0) return;  // the hub numbers it
  Fed& fed = *channel.fed;
  if (!fed.is_numbered || position.offset > fed.head.offset) fed.head = position;
  fed.is_numbered = true;
}

bool Owner::on_feed(Mail& mail, int64_t) {
  const std::string_view name = mail.message->channel();
  uint32_t id = find_flowing(name, Fed::State::kAsked);
  const bool is_fed = identity_.feed_of(name) != nullptr;
  if (is_fed && id == base::kNoIndex) {
    counters_.fed_in_vain += !is_reserved(name);
    return true;
  }
  if (!is_fed) id = find_or_make(name);  // a source may publish to other channels too
  Channel& channel = channels_[id];
  if (!members_have_room(channel)) return false;
  counters_.fed += !is_reserved(name);
  Position& position = mail.message->position;
  if (is_fed && position.epoch != 0) {
    if (channel.fed->is_numbered && position.offset <= channel.fed->head.offset) {
      ++counters_.fed_again;
      return true;
    }
    if (!channel.fed->is_numbered) tell_gap(id, {position.epoch, position.offset - 1});
    raise_head(channel, position);
  } else {
    position = {identity_.epoch, ++last_offset_};
  }
  hand_out(id, mail.message);
  if (is_fed) release_held(id);
  forget_if_unused(id);
  return true;
}

void Owner::on_feed_ready(const Mail& mail) {
  const uint32_t id = find_flowing(mail.cargo->channel, Fed::State::kAsked);
  if (id == base::kNoIndex) return;  // unwanted meanwhile
  Channel& channel = channels_[id];
  const Fed::State before = channel.fed->state;
  channel.fed->state = Fed::State::kFlowing;
  // What was taken for this answer was the one to an earlier want(), and what came since then may
  // have passed us by.
  if (before == Fed::State::kFlowing) {
    const Fed& fed = *channel.fed;
    const bool is_here =
        mail.position.epoch != 0 && fed.is_numbered && mail.position.offset <= fed.head.offset;
    if (!is_here) tell_gap(id, mail.position);
    return;
  }
  // Who was let through without the broker has no place in the channel yet: it is told where it is.
  if (before == Fed::State::kAway && !channel.members.empty()) return tell_gap(id, mail.position);
  raise_head(channel, mail.position);
  forget_history(channel);
  channel.discarded = head_of(channel).offset;
  release_joins(id);
}

void Owner::on_feed_refused(const Mail& mail) {
  const uint32_t id = find_flowing(mail.cargo->channel, Fed::State::kAsked);
  if (id == base::kNoIndex || channels_[id].fed->state != Fed::State::kAsked) return;
  channels_[id].fed->state = Fed::State::kAway;
  release_joins(id);
}

void Owner::on_feed_gap(const Mail& mail) {
  const uint32_t id = find_flowing(mail.cargo->channel, Fed::State::kAsked);
  if (id == base::kNoIndex) return;
  channels_[id].fed->state = Fed::State::kFlowing;
  tell_gap(id, mail.position);
  release_joins(id);
}

// Everybody is told, and so is who comes back with an older position: the history ends here.
void Owner::tell_gap(uint32_t id, Position head) {
  Channel& channel = channels_[id];
  counters_.feed_gaps += !is_reserved(name_of(channel));
  raise_head(channel, head);
  if (!channel.fed->is_numbered) ++last_offset_;  // a place that no message has
  forget_history(channel);
  const Position position = head_of(channel);
  channel.discarded = position.offset;
  for (const Member& member : channel.members) {
    Mail gap;
    gap.kind = MailKind::kGap;
    gap.from = self_;
    gap.channel = member.local_channel;
    gap.position = position;
    post_.send_answer(member.shard, std::move(gap));
  }
  release_held(id);
}

// --- what is newer than what we have read ---

// True: its client has been served by a machine that is ahead of us. What it asks for is on its way
// to us as well, and up to there it has everything.
bool Owner::hold_instead(Mail& request, uint32_t id, int64_t now_ns) {
  Fed* fed = channels_[id].fed.get();
  if (!fed || !fed->is_numbered || fed->state == Fed::State::kIdle) return false;
  if (request.position.epoch != fed->head.epoch) return false;
  if (request.position.offset <= fed->head.offset) return false;
  ++counters_.held_replays;
  const int64_t release_ns = now_ns + fed->feed->wait_ns();
  const uint64_t offset = request.position.offset;
  fed->held_from = fed->held.empty() ? offset : std::min(fed->held_from, offset);
  fed->held.push_back({std::move(request), release_ns});
  asked_.push({release_ns, id});
  return true;
}

// Behind the live message that raised the head, in the same lane: the window goes on from there.
// Positions that never come do not make every message look at all who wait with one.
void Owner::release_held(uint32_t id) {
  Fed& fed = *channels_[id].fed;
  if (fed.held.empty() || fed.held_from > fed.head.offset) return;
  const auto is_ahead = [&](const Held& held) {
    return held.request.position.offset > fed.head.offset;
  };
  const auto reached = std::stable_partition(fed.held.begin(), fed.held.end(), is_ahead);
  std::vector<Held> ready(std::make_move_iterator(reached),
                          std::make_move_iterator(fed.held.end()));
  fed.held.erase(reached, fed.held.end());
  fed.held_from = UINT64_MAX;
  for (const Held& held : fed.held)
    fed.held_from = std::min(fed.held_from, held.request.position.offset);
  for (Held& held : ready) answer_replay(held.request, id);
}

// The broker may have lost what the client has seen: it goes on at our head, and knows it.
void Owner::release_late_held(uint32_t id, int64_t now_ns) {
  Fed& fed = *channels_[id].fed;
  std::erase_if(fed.held, [&](const Held& held) {
    if (held.release_ns > now_ns) return false;
    ++counters_.gaps;
    auto cargo = std::make_unique<Cargo>();
    cargo->gap = cargo->complete = true;
    send_window(held.request.from, held.request.token, fed.head, std::move(cargo));
    return true;
  });
}

// --- what is older than our memory ---

// True: the feed was asked, and its answer becomes the window.
bool Owner::fetch_instead(const Mail& request, const Channel& channel) {
  const Fed* fed = channel.fed.get();
  if (!fed || !fed->is_numbered || fed->state != Fed::State::kFlowing) return false;
  ++counters_.fetches;
  const uint64_t token = ++fetch_serial_ << 16 | self_;
  const Position until{fed->head.epoch, channel.discarded};
  const std::string_view name = name_of(channel);
  fetches_[token] = {request.from, request.token, std::string(name), request.position, until};
  fed->feed->fetch(name, request.position, until, limits_.replay_window_bytes, token);
  return true;
}

// Never the last window: what came while it was fetched is ours to give.
void Owner::on_fetched(Mail& mail) {
  const auto found = fetches_.find(mail.token);
  if (found == fetches_.end()) return;
  const Fetch fetch = std::move(found->second);
  fetches_.erase(found);
  auto cargo = std::make_unique<Cargo>();
  cargo->gap = mail.cargo->gap;
  cargo->next = fetch.until;
  Position from = fetch.after;
  for (MessagePtr& message : mail.cargo->messages) {
    const uint64_t offset = message->position.offset;
    if (offset <= fetch.after.offset || offset > fetch.until.offset) continue;
    if (cargo->gap && cargo->messages.empty()) from.offset = offset - 1;
    cargo->next = message->position;
    cargo->messages.push_back(std::move(message));
  }
  if (cargo->gap && cargo->messages.empty()) from = fetch.until;
  if (cargo->gap) ++counters_.gaps;
  counters_.replayed_messages += cargo->messages.size();
  send_window(fetch.to, fetch.token, from, std::move(cargo));
}

void Owner::check_fed(const Channel& channel) {
  if (!channel.fed) return;
  const Fed& fed = *channel.fed;
  LIVEHUB_CHECK(fed.waiting.empty() || fed.state == Fed::State::kAsked,
                "joins wait only while the broker is asked");
  LIVEHUB_CHECK(fed.state != Fed::State::kIdle || (channel.members.empty() && fed.held.empty()),
                "a channel with members is wanted");
  for (const Held& held : fed.held) {
    LIVEHUB_CHECK(held.request.position.offset > fed.head.offset,
                  "a replay waits only for what has not come");
    LIVEHUB_CHECK(held.request.position.offset >= fed.held_from, "held_from is a lower bound");
  }
}

}  // namespace livehub::hub
