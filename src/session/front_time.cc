// What happens by itself: timeouts, heartbeats, housekeeping, and the drain.
#include <algorithm>
#include <limits>

#include "base/heap_trim.h"
#include "session/front.h"
#include "wire/sse.h"
#include "wire/ws_writer.h"

namespace livehub::session {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kCrowd = 500;
constexpr int64_t kQuietNs = 3 * kSecondNs;
constexpr int64_t kDrainStepNs = 20'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// The share of the drain in which everybody is told; the rest is for their last bytes.
constexpr double kTellShare = 0.7;
// When to look again at a client whose silence may be ours.
constexpr int64_t kAgainMs = 1000;
constexpr int64_t kUnreadMs = 5000;

}  // namespace

void Front::arm_ms(uint32_t index, int64_t ms) {
  arm_tick(index, now_tick() + shard::ticks_of_ms(ms));
}

int64_t Front::ns_to_next_timer(int64_t now_ns) {
  int64_t wait_ns = next_second_ns_ - now_ns;
  if (const uint32_t ticks = wheel_.ticks_to_next(); ticks < shard::TimerWheel::kSlots) {
    const int64_t due_ns = (static_cast<int64_t>(now_ns >> shard::kTickShift) + ticks)
                           << shard::kTickShift;
    wait_ns = std::min(wait_ns, due_ns - now_ns);
  }
  if (const int64_t release_ns = hub_.next_release_ns(); release_ns != kNever)
    wait_ns = std::min(wait_ns, release_ns - now_ns);
  if (profile_->tick_ms() > 0) wait_ns = std::min(wait_ns, next_profile_tick_ns_ - now_ns);
  if (is_draining_) wait_ns = std::min(wait_ns, kDrainStepNs);
  return std::max<int64_t>(wait_ns, 0);
}

void Front::on_timers(int64_t now_ns, int64_t read_until_ns) {
  read_until_ns_ = read_until_ns;
  wheel_.advance(shard::tick_of(now_ns), [this](uint32_t index) { on_timer(index); });
  if (now_ns >= next_second_ns_) {
    next_second_ns_ = now_ns + kSecondNs;
    hub_.tick(now_ns);
    if (!is_draining_) canary_.tick(now_ns);
    trim_if_quiet(now_ns);
    insight_.busiest.roll(now_ns);
    const bool is_full = driver_.sockets_open() + slots_kept_ >= driver_.sockets_max();
    if (is_full != is_out_of_slots_) {
      is_out_of_slots_ = is_full;
      shared_.shards_out_of_slots.fetch_add(is_full ? 1 : ~0u, std::memory_order_relaxed);
    }
  }
  hub_.release_late(now_ns);
  if (const int64_t every_ms = profile_->tick_ms();
      every_ms > 0 && now_ns >= next_profile_tick_ns_) {
    next_profile_tick_ns_ = now_ns + every_ms * 1'000'000;
    profile_->on_tick(now_ns);
  }
  if (is_draining_) drain_step(now_ns);
}

// A crowd that came or went leaves memory behind that nobody needs; once it is quiet, it goes back.
void Front::trim_if_quiet(int64_t now_ns) {
  const uint64_t comings = counters_.accepted + counters_.closed + counters_.http_requests;
  if (comings != comings_) {
    comings_ = comings;
    quiet_since_ns_ = now_ns;
  } else if (comings - trimmed_comings_ >= kCrowd && now_ns - quiet_since_ns_ >= kQuietNs) {
    trimmed_comings_ = comings;
    base::trim_heap();
  }
}

// The time between two requests is over. After a pause of the whole machine it is so for everyone
// at once, with answers still on their way: those are finished first.
void Front::end_idle(uint32_t index) {
  if (hub_.fanout().is_idle(index))
    close_now(index, false);
  else
    end_after_sending(index);
}

void Front::give_time(uint32_t index, int64_t ms) {
  connections_[index].clear(Connection::kOverdue);
  arm_ms(index, ms);
}

// Its next bytes may have come in time and lie unread. Looked at once more after kUnreadMs, or as
// often as reading is further behind than that.
bool Front::may_lie_unread(const Connection& c) const {
  const int64_t behind_ns = driver_.now_ns() - read_until_ns_;
  return behind_ns > (c.has(Connection::kOverdue) ? kUnreadMs * 1'000'000 : 0);
}

void Front::on_timer(uint32_t index) {
  Connection& c = connections_[index];
  switch (c.phase) {
    case Phase::kHead:
    case Phase::kBody:
      if (may_lie_unread(c)) {
        c.set(Connection::kOverdue);
        return arm_ms(index, kUnreadMs);
      }
      if (!c.http || !c.http->parser.in_head_started()) return end_idle(index);
      ++counters_.slow_heads;
      ++counters_.http_bad;
      note_ended(index, EndKind::kHttp, 408, "", Cause::kSlowRequest);
      {
        Reply late;
        late.status = 408;
        late.body = "The request took too long.\n";
        late.content_type = "text/plain; charset=utf-8";
        return reply(index, late, true);
      }
    case Phase::kReply: {  // Exchange::wait_ms() is over
      Reply late;
      late.status = 504;
      late.body = "The answer took too long.\n";
      late.content_type = "text/plain; charset=utf-8";
      return reply(index, late, true);
    }
    case Phase::kOpening:
      return close_now(index, false);
    case Phase::kSse:
      return beat_sse(index);
    case Phase::kWs:
      return beat_ws(index);
    case Phase::kWsClosing:
    case Phase::kEnding:
      return close_now(index, true);
    case Phase::kLingering:
      return close_now(index, false);
  }
}

// A comment after that long with nothing sent: data counts. A blocked or half-sent peer gets none.
void Front::beat_sse(uint32_t index) {
  const Connection& c = connections_[index];
  const hub::Peer& peer = hub_.fanout().peer(index);
  const uint32_t period = shard::ticks_of_ms(c.heartbeat_seconds * 1000) - 1;
  const uint32_t due = std::max(peer.last_sent_tick, c.opened_tick) + period;
  if (shard::is_after(due, now_tick())) return arm_tick(index, due);
  if (!peer.has(hub::Peer::kBlocked) && hub_.fanout().is_idle(index)) {
    const uint32_t generation = c.generation;
    if (!profile_->on_heartbeat(session_of(index)))
      hub_.fanout().push_own_static(index, c.has(Connection::kGzip)      ? kSsePingGzipChunk
                                           : c.has(Connection::kChunked) ? wire::kSsePingChunk
                                                                         : wire::kSsePing);
    ++counters_.heartbeats_sent;
    if (!is_current(index, generation) || connections_[index].phase != Phase::kSse) return;
  }
  arm_tick(index, now_tick() + period);
}

// A ping after that long with nothing received: only so does a dead peer show.
void Front::beat_ws(uint32_t index) {
  static const std::string kPing = wire::ws_frame(wire::WsOpcode::kPing, "");
  Connection& c = connections_[index];
  if (c.has(Connection::kPingSent)) return await_pong(index);
  const uint32_t due = c.last_received_tick + shard::ticks_of_ms(c.heartbeat_seconds * 1000) - 1;
  if (shard::is_after(due, now_tick())) return arm_tick(index, due);
  // A blocked peer cannot take one; the kernel's own timeout watches what it was sent.
  if (hub_.fanout().peer(index).has(hub::Peer::kBlocked))
    return arm_ms(index, c.heartbeat_seconds * 1000);
  hub_.fanout().push_own_static(index, kPing);
  c.set(Connection::kPingSent);
  c.last_received_tick = now_tick();
  ++counters_.pings_sent;
  arm_ms(index, kAgainMs);
}

// The delay may be ours, of a shard that cannot keep up: the time for an answer begins when the
// question has left, and ends when all is read that had come by then.
void Front::await_pong(uint32_t index) {
  Connection& c = connections_[index];
  if (!c.has(Connection::kPingLeft)) {
    if (!hub_.fanout().peer(index).has(hub::Peer::kBlocked) && !hub_.fanout().is_idle(index)) {
      c.last_received_tick = now_tick();
      return arm_ms(index, kAgainMs);
    }
    c.set(Connection::kPingLeft);
  }
  const uint32_t pong_seconds = c.pong_seconds ? c.pong_seconds : options_.pong_seconds;
  const uint32_t due = c.last_received_tick + shard::ticks_of_ms(pong_seconds * 1000);
  if (shard::is_after(due, now_tick())) return arm_tick(index, due);
  if (shard::is_after(due, shard::tick_of(read_until_ns_))) return arm_ms(index, kAgainMs);
  ++counters_.dead_peers;
  note_stream_closed(index, 1006, "no answer to a ping", Cause::kNoPong);
  close_now(index, true);
}

// --- drain ---

void Front::begin_drain() {
  if (is_draining_) return;
  is_draining_ = true;
  drain_begin_ns_ = driver_.now_ns();
  drain_ns_ = static_cast<int64_t>(options_.drain_seconds * 1e9);
  drain_total_ = connections_.live();
}

void Front::end_now() {
  begin_drain();
  drain_ns_ = 0;
}

// From stop() on no publish is taken. Nobody is told to go before everything that was taken has
// been appended on every shard (or half of the time is gone): only so does a client get all that
// was answered with success.
bool Front::may_tell_now(int64_t now_ns) {
  if (!is_quiet_ && publishes_out_ == 0) {
    is_quiet_ = true;
    shared_.shards_not_quiet.fetch_sub(1, std::memory_order_acq_rel);
  }
  if (!may_tell_ && now_ns - drain_begin_ns_ < drain_ns_ / 2) return false;
  if (telling_since_ns_ == 0) telling_since_ns_ = now_ns;
  return true;
}

void Front::drain_step(int64_t now_ns) {
  if (!may_tell_now(now_ns)) return;
  const bool is_over = now_ns - drain_begin_ns_ >= drain_ns_;
  const int64_t left_ns = drain_begin_ns_ + drain_ns_ - telling_since_ns_;
  const double share = is_over ? 1.0
                               : std::min(1.0, static_cast<double>(now_ns - telling_since_ns_) /
                                                   (static_cast<double>(left_ns) * kTellShare));
  const auto goal = static_cast<uint32_t>(share * drain_total_);
  const uint32_t end = connections_.index_end();
  for (uint32_t looked = 0; looked < end && (drain_told_ <= goal || share >= 1.0); ++looked) {
    if (drain_cursor_ >= end) drain_cursor_ = 0;
    const uint32_t index = drain_cursor_++;
    if (!connections_.contains(index)) continue;
    if (is_over)
      close_now(index, true);
    else if (tell_to_go(index, share >= 1.0))
      ++drain_told_;
  }
  if (connections_.live() == 0 && !is_counted_out_) {
    is_counted_out_ = true;
    // The last shard to run empty lets all of them end: until then each still owns channels for
    // others.
    if (shared_.shards_with_clients.fetch_sub(1, std::memory_order_acq_rel) == 1)
      for (uint32_t s = 0; s < shared_.identity.shard_count; ++s) shared_.doors.knock(s);
  }
  is_finished_ = is_counted_out_ && connections_.live() == 0 &&
                 shared_.shards_with_clients.load(std::memory_order_acquire) == 0;
}

// Tells one client that this process ends. False if it had been told, or has to finish something
// first: what is queued for it, unless it is late.
bool Front::tell_to_go(uint32_t index, bool is_late) {
  Connection& c = connections_[index];
  switch (c.phase) {
    case Phase::kHead:
      if (c.http && c.http->parser.in_head_started()) return false;
      // A newcomer whose upgrade is on its way would take a hang-up for a failed attempt.
      if (!c.http && !is_late && profile_->accepts_websockets_while_draining()) return false;
      end_idle(index);
      ++counters_.drained;
      return true;
    case Phase::kSse:
      if (!is_late && !hub_.fanout().is_caught_up(index)) return false;
      end_sse(index, retry_jitter_ms(), Cause::kDraining);
      break;
    case Phase::kWs:
      if (!is_late && !hub_.fanout().is_caught_up(index)) return false;
      ws_close(index, profile_->drain_close_code(), profile_->drain_close_reason(),
               Cause::kDraining);
      break;
    default:
      return false;
  }
  ++counters_.drained;
  return true;
}

}  // namespace livehub::session
