#include "hub/hub.h"

#include <algorithm>

#include "base/check.h"
#include "hub/reserved.h"

namespace livehub::hub {
namespace {

uint64_t replay_token(SubscriptionId id, uint32_t generation) {
  return static_cast<uint64_t>(generation) << 32 | id;
}

}  // namespace

Hub::Hub(ShardId self, const Identity& identity, const Limits& limits, base::MemoryAccount& account,
         Post& post, HubEvents& events)
    : self_(self),
      identity_(identity),
      limits_(limits),
      post_(post),
      events_(events),
      fanout_(limits_, account, *this),
      owner_(self, identity, limits_, account, post, directory_) {}

// --- channels ---

uint32_t Hub::find_or_make_channel(std::string_view name) {
  const uint32_t entry = directory_.find_or_make(identity_.hash(name), name);
  if (directory_[entry].local != kNoIndex) return directory_[entry].local;
  const uint32_t id = channels_.allocate();
  channels_[id].entry = entry;
  directory_[entry].local = id;
  reserved_channels_ += is_reserved(name);
  return id;
}

Hub::Extra& Hub::extra_of(Channel& channel) {
  if (!channel.extra) channel.extra = std::make_unique<Extra>();
  return *channel.extra;
}

void Hub::drop_extra_if_empty(Channel& channel) {
  const Extra* extra = channel.extra.get();
  if (extra && extra->epoch == 0 && extra->watchers.empty() && extra->waiting.empty())
    channel.extra.reset();
}

uint64_t Hub::epoch_of(const Channel& channel) const {
  return channel.extra && channel.extra->epoch != 0 ? channel.extra->epoch : identity_.epoch;
}

void Hub::set_head(Channel& channel, Position head) {
  channel.last_offset = head.offset;
  if (head.epoch == epoch_of(channel)) return;
  extra_of(channel).epoch = head.epoch == identity_.epoch ? 0 : head.epoch;
  drop_extra_if_empty(channel);
}

void Hub::send_to_owner(const Channel& channel, Mail mail) {
  mail.from = self_;
  mail.cargo = std::make_unique<Cargo>();
  mail.cargo->channel = name_of(channel);
  post_.send_request(identity_.owner_of(hash_of(channel)), std::move(mail));
}

void Hub::join(uint32_t id) {
  Channel& channel = channels_[id];
  channel.set(State::kJoining);
  ++channel.answers_awaited;
  ++counters_.joins;
  Mail mail;
  mail.kind = MailKind::kJoin;
  mail.channel = id;
  send_to_owner(channel, std::move(mail));
}

void Hub::leave_if_unused(uint32_t id) {
  Channel& channel = channels_[id];
  if (channel.subscription_count > 0) return;
  StreamId kept = kNoIndex;
  for (StreamId stream = channel.first_stream; stream != kNoIndex;) {
    const StreamId next = next_of(stream);
    if (fanout_.is_in_use(stream)) {
      fanout_.chain(stream, kept);
      kept = stream;
    } else {
      fanout_.free_stream(stream);
    }
    stream = next;
  }
  channel.first_stream = kept;
  if (kept != kNoIndex) return;  // a hot stream that cools keeps us in
  if (channel.state() != State::kLeft) {
    channel.set(State::kLeft);
    ++channel.answers_awaited;
    ++counters_.leaves;
    Mail mail;
    mail.kind = MailKind::kLeave;
    mail.channel = id;
    send_to_owner(channel, std::move(mail));
  }
  release_if_done(id);
}

// The slot must live as long as the owner may still name it in an answer.
void Hub::release_if_done(uint32_t id) {
  Channel& channel = channels_[id];
  if (channel.state() != State::kLeft || channel.answers_awaited > 0) return;
  if (channel.subscription_count > 0) return;
  const uint32_t entry = channel.entry;
  reserved_channels_ -= is_reserved(name_of(channel));
  directory_[entry].local = kNoIndex;
  directory_.release_if_unused(entry, hash_of(channel));
  channels_.release(id);
}

StreamId Hub::stream_for(uint32_t channel_id, EncodingId encoding) {
  Channel& channel = channels_[channel_id];
  for (StreamId id = channel.first_stream; id != kNoIndex; id = next_of(id))
    if (fanout_.stream(id).encoding == encoding) return id;
  channel.first_stream =
      fanout_.make_stream(channel_id, encoding, channel.last_offset, channel.first_stream);
  return channel.first_stream;
}

// --- subscribing ---

SubscriptionId Hub::subscribe(PeerId peer, std::string_view name, EncodingId encoding,
                              SlowReader policy, std::optional<Position> resume) {
  const uint32_t channel_id = find_or_make_channel(name);
  const SubscriptionId id = fanout_.make_subscription(peer, channel_id, encoding, policy);
  Channel& channel = channels_[channel_id];
  ++channel.subscription_count;
  if (channel.state() == State::kJoined) {
    begin(id, resume);
    return id;
  }
  fanout_.subscription(id).set(Subscription::kWaiting);
  extra_of(channel).waiting.push_back({id, fanout_.subscription(id).generation, resume});
  if (channel.state() == State::kLeft) join(channel_id);
  return id;
}

// The channel is joined: begin here, in the local stream's past, or in the owner's history.
void Hub::begin(SubscriptionId id, std::optional<Position> resume) {
  Subscription& s = fanout_.subscription(id);
  s.clear(Subscription::kWaiting);
  Channel& channel = channels_[s.channel];
  const PeerId peer = s.peer;
  const Position head{epoch_of(channel), channel.last_offset};
  if (s.encoding == kNoEncoding) {
    s.set(Subscription::kWatching);
    extra_of(channel).watchers.push_back(id);
    return events_.on_watching(peer, id, head);
  }
  if (!resume) {
    events_.on_subscribed(peer, id, head, false);
    return attach_now(id);
  }
  const bool is_local = resume->epoch == head.epoch && resume->offset <= head.offset;
  if (is_local) {
    const StreamId stream = stream_for(s.channel, s.encoding);
    if (resume->offset >= fanout_.stream(stream).base_offset) {
      ++counters_.local_resumes;
      events_.on_subscribed(peer, id, *resume, false);
      fanout_.attach_after(id, stream, resume->offset);
      return;
    }
  }
  s.set(Subscription::kReplaying);
  replays_[peer].push_back({id, s.generation, *resume});
  ask_next_window(peer);
}

void Hub::attach_now(SubscriptionId id) {
  const Subscription& s = fanout_.subscription(id);
  fanout_.attach_at_head(id, stream_for(s.channel, s.encoding));
}

void Hub::unsubscribe(SubscriptionId id) {
  const Subscription& s = fanout_.subscription(id);
  const uint32_t channel_id = s.channel;
  const PeerId peer = s.peer;
  if (s.has(Subscription::kReplaying)) {
    auto& replays = replays_[peer];
    std::erase_if(replays, [&](const Replay& r) { return r.subscription == id; });
    if (replays.empty())
      replays_.erase(peer);
    else
      ask_next_window(peer);
  }
  Channel& channel = channels_[channel_id];
  if (s.has(Subscription::kWatching)) std::erase(channel.extra->watchers, id);
  if (s.has(Subscription::kWaiting))
    std::erase_if(channel.extra->waiting, [&](const Waiting& w) { return w.subscription == id; });
  drop_extra_if_empty(channel);
  fanout_.remove_subscription(id);
  --channel.subscription_count;
  leave_if_unused(channel_id);
}

void Hub::close_peer(PeerId peer) {
  while (fanout_.peer(peer).first_subscription != kNoIndex)
    unsubscribe(fanout_.peer(peer).first_subscription);
  fanout_.close_peer(peer);
}

// --- replaying ---

// One at a time, and the next one only when the last one's bytes are sent: what a peer that does
// not read makes us hold is one window, however many channels it resumes.
void Hub::ask_next_window(PeerId peer) {
  std::vector<Replay>& replays = replays_.find(peer)->second;
  for (const Replay& replay : replays)
    if (replay.is_asked) return;
  if (fanout_.is_idle(peer))
    ask_window(replays.front());
  else
    fanout_.tell_drained(peer);
}

void Hub::ask_window(Replay& replay) {
  const Channel& channel = channels_[fanout_.subscription(replay.subscription).channel];
  replay.is_asked = true;
  ++counters_.replay_windows;
  Mail mail;
  mail.kind = MailKind::kReplay;
  mail.token = replay_token(replay.subscription, replay.generation);
  mail.position = replay.after;
  send_to_owner(channel, std::move(mail));
}

void Hub::on_window(Mail& mail) {
  const auto id = static_cast<SubscriptionId>(mail.token);
  const auto generation = static_cast<uint32_t>(mail.token >> 32);
  if (!fanout_.has_subscription(id, generation)) return;  // left meanwhile
  Subscription& s = fanout_.subscription(id);
  const PeerId peer = s.peer;
  const auto find_replay = [&] {
    std::vector<Replay>& replays = replays_[peer];
    const auto found = std::find_if(replays.begin(), replays.end(),
                                    [&](const Replay& r) { return r.subscription == id; });
    LIVEHUB_CHECK(found != replays.end(), "a window is asked for by a replay");
    return found;
  };
  const Cargo& cargo = *mail.cargo;
  if (cargo.gap) ++counters_.resume_gaps;
  if (!find_replay()->has_started)
    events_.on_subscribed(peer, id, mail.position, cargo.gap);
  else if (cargo.gap)
    events_.on_replay_gap(peer, id, mail.position);
  push_replayed(s, cargo);
  const auto replay = find_replay();  // again: the callback may have subscribed to more
  if (cargo.complete) {
    s.clear(Subscription::kReplaying);
    replays_[peer].erase(replay);
    if (replays_[peer].empty())
      replays_.erase(peer);
    else
      fanout_.tell_drained(peer);
    return attach_now(id);
  }
  replay->has_started = true;
  replay->is_asked = false;
  replay->after = cargo.next;
  fanout_.tell_drained(peer);
}

// Cold path: encoded for this peer alone, counted as its own bytes.
void Hub::push_replayed(const Subscription& s, const Cargo& cargo) {
  const Encoding& encoding = fanout_.encoding(s.encoding).for_one();
  const uint64_t name = peer_name(self_, events_.peer_generation(s.peer), s.peer);
  const auto frame_bytes = [&](const Message& message) {
    return message.skip != name ? encoding.frame_bytes(message) : 0;
  };
  size_t bytes = 0;
  for (const MessagePtr& message : cargo.messages) bytes += frame_bytes(*message);
  if (bytes == 0) return;
  std::string frames(bytes, '\0');
  char* place = frames.data();
  for (const MessagePtr& message : cargo.messages) {
    const size_t frame = frame_bytes(*message);
    if (frame > 0) encoding.write_frame(*message, place);
    place += frame;
  }
  fanout_.push_own(s.peer, frames);
}

void Hub::on_drained(PeerId peer) {
  if (replays_.contains(peer)) ask_next_window(peer);
  events_.on_drained(peer);
}

// --- mail ---

bool Hub::publish(MessagePtr& message, uint64_t token) {
  const ShardId owner = identity_.owner_of(identity_.hash(message->channel()));
  if (!post_.has_room(owner, true)) return false;
  Mail mail;
  mail.kind = MailKind::kPublish;
  mail.from = self_;
  mail.token = token;
  mail.message = std::move(message);
  post_.send_request(owner, std::move(mail));
  return true;
}

bool Hub::on_request(Mail& mail, int64_t now_ns) {
  switch (mail.kind) {
    case MailKind::kPublish:
      return owner_.on_publish(mail, now_ns);
    case MailKind::kJoin:
      owner_.on_join(mail, now_ns);
      return true;
    case MailKind::kLeave:
      owner_.on_leave(mail);
      return true;
    case MailKind::kReplay:
      owner_.on_replay(mail, now_ns);
      return true;
    case MailKind::kFeed:
      return owner_.on_feed(mail, now_ns);
    case MailKind::kFeedReady:
      owner_.on_feed_ready(mail);
      return true;
    case MailKind::kFeedRefused:
      owner_.on_feed_refused(mail);
      return true;
    case MailKind::kFeedGap:
      owner_.on_feed_gap(mail);
      return true;
    case MailKind::kFetched:
      owner_.on_fetched(mail);
      return true;
    default:
      LIVEHUB_CHECK(false, "a request lane carries requests");
      return true;
  }
}

bool Hub::on_answer(Mail& mail) {
  switch (mail.kind) {
    case MailKind::kLive:
      return on_live(mail);
    case MailKind::kPublished:
      events_.on_published(mail.token, mail.result, mail.position);
      return true;
    case MailKind::kJoined:
      on_joined(mail);
      return true;
    case MailKind::kLeft:
      on_left(mail);
      return true;
    case MailKind::kWindow:
      on_window(mail);
      return true;
    case MailKind::kGap:
      return on_gap(mail);
    default:
      LIVEHUB_CHECK(false, "an answer lane carries answers");
      return true;
  }
}

bool Hub::on_live(Mail& mail) {
  Channel& channel = channels_[mail.channel];
  if (channel.state() != State::kJoined) return true;  // of a membership that was left
  const Message& message = *mail.message;
  const StreamId first = channel.first_stream;
  Fanout::Claim claim;
  for (StreamId stream = first; stream != kNoIndex; stream = next_of(stream))
    if (!fanout_.make_room(stream, message, claim)) return false;
  PeerId skip = kNoIndex;
  if (message.skip != kNobody && message.skip >> 56 == (self_ & 0xffu)) {
    const auto index = static_cast<PeerId>(message.skip);
    const bool is_same = fanout_.has_peer(index) &&
                         peer_name(self_, events_.peer_generation(index), index) == message.skip;
    if (is_same) skip = index;
  }
  for (StreamId stream = first; stream != kNoIndex; stream = next_of(stream))
    fanout_.append(stream, message, skip);
  set_head(channel, message.position);
  ++counters_.live_messages;
  return true;
}

void Hub::on_joined(const Mail& mail) {
  Channel& channel = channels_[mail.channel];
  --channel.answers_awaited;
  // Left and joined again before this came: the later join has its own answer.
  if (channel.state() != State::kJoining || channel.answers_awaited > 0)
    return release_if_done(mail.channel);
  channel.set(State::kJoined);
  std::vector<Waiting> waiting;
  if (channel.extra) waiting.swap(channel.extra->waiting);
  drop_extra_if_empty(channel);
  set_head(channel, mail.position);
  for (const Waiting& w : waiting)
    if (fanout_.has_subscription(w.subscription, w.generation)) begin(w.subscription, w.resume);
}

void Hub::on_left(const Mail& mail) {
  --channels_[mail.channel].answers_awaited;
  release_if_done(mail.channel);
}

// Nothing before this position can be had from the local streams any more; who is replayed is told
// by its next window. Being told comes before all that waits, so it happens when nothing waits that
// could be sent (false: not yet), and the blocked ones miss what does.
bool Hub::on_gap(const Mail& mail) {
  Channel& channel = channels_[mail.channel];
  if (channel.state() != State::kJoined) return true;
  const StreamId first = channel.first_stream;
  for (StreamId stream = first; stream != kNoIndex; stream = next_of(stream))
    if (!fanout_.is_served(stream)) return false;
  counters_.source_gaps += !is_reserved(name_of(channel));
  const bool is_renumbered = epoch_of(channel) != mail.position.epoch;
  set_head(channel, mail.position);
  std::vector<std::pair<SubscriptionId, uint32_t>> told;
  const auto add = [&](SubscriptionId id) {
    told.emplace_back(id, fanout_.subscription(id).generation);
  };
  for (StreamId stream = first; stream != kNoIndex; stream = next_of(stream)) {
    if (is_renumbered)
      fanout_.renumber(stream, mail.position.offset);
    else
      fanout_.raise_base(stream, mail.position.offset);
    for (const SubscriptionId id : fanout_.stream(stream).subscribers) {
      fanout_.skip_to_end(id);
      add(id);
    }
  }
  if (channel.extra)
    for (const SubscriptionId id : channel.extra->watchers) add(id);
  for (const auto& [id, generation] : told)
    if (fanout_.has_subscription(id, generation))
      events_.on_source_gap(fanout_.subscription(id).peer, id, mail.position);
  return true;
}

void Hub::tick(int64_t now_ns) {
  owner_.expire(now_ns);
  std::vector<StreamId> unused;
  fanout_.cool(now_ns, unused);
  // One channel may have several of them, and leaving frees them all.
  std::vector<uint32_t> channels;
  channels.reserve(unused.size());
  for (const StreamId stream : unused) channels.push_back(fanout_.stream(stream).channel);
  for (const uint32_t channel : channels)
    if (channels_.contains(channel)) leave_if_unused(channel);
}

}  // namespace livehub::hub
