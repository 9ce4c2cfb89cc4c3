#include "shard/loop.h"

namespace livehub::shard {
namespace {

// Nobody tells us when another shard's lane has room again; look that often.
constexpr int64_t kStuckWaitNs = 1'000'000;
// A turn that comes so much later than it was to come: the process stood still (a stop, a frozen
// container, a suspended machine). More than a shared CPU takes from us at a time.
constexpr int64_t kPauseNs = 200'000'000;
constexpr int64_t kCatchUpNsMax = 5'000'000'000;

}  // namespace

void Loop::run() {
  while (turn()) {
  }
}

bool Loop::turn() {
  ++counters_.turns;
  // 1. Decide how long to sleep. Said first, checked after: a sender that missed us awake sees us
  // asleep.
  int64_t wait_ns = 0;
  if (!has_more_) {
    doors_.fall_asleep(shard_);
    if (!tenant_.has_mail() && !tasks_.has_tasks())
      wait_ns = tenant_.ns_to_next_timer(driver_.now_ns());
    if (is_stuck_ && wait_ns > kStuckWaitNs) wait_ns = kStuckWaitNs;
  }
  if (wait_ns == 0) ++counters_.busy_turns;
  // 2. I/O: accept, receive, learn who can be sent to again. First, so that what arrived together
  // is answered
  //    together, and publishes are in their lanes before step 4 looks.
  const bool io_left = driver_.turn(wait_ns, events_);
  doors_.wake_up(shard_);
  // 3. Timers and tasks: few, and they may close or queue what the flush should see. After a pause
  // not before all that came meanwhile is read: a pong in the kernel's buffer is no missing pong.
  const bool is_behind = is_catching_up(wait_ns, io_left);
  note_read(io_left);
  if (!is_behind) tenant_.on_timers(driver_.now_ns(), read_until_ns_);
  tasks_.run();
  // 4. Mail: requests to the channels we own, then live messages. It appends, so nothing may be in
  // flight:
  //    sends are over when a flush returns.
  const MailLeft mail_left = tenant_.drain_mail();
  // 5. Flush within its budget, last: a message leaves in the turn it arrived in, with all that
  // came with it.
  const bool flush_left = tenant_.flush();
  has_more_ = io_left || flush_left || is_behind || mail_left == MailLeft::kMore;
  is_stuck_ = mail_left == MailLeft::kRefused;
  const int64_t awake_ns = driver_.read_ns() - driver_.now_ns();
  counters_.awake_ns += static_cast<uint64_t>(awake_ns);
  counters_.awake.note(awake_ns);
  return !tenant_.is_finished();
}

// A flood may keep us from ever reading all, but everybody is served in turn (rule 8 of io.h):
// after so many turns, what waited at the start of the round is read. One more: it may show up
// late.
void Loop::note_read(bool io_left) {
  const int64_t now_ns = driver_.now_ns();
  if (!io_left) {
    read_until_ns_ = now_ns;
    round_turns_left_ = 0;
    return;
  }
  if (round_turns_left_ > 1) {
    --round_turns_left_;
    return;
  }
  if (round_turns_left_ == 1) read_until_ns_ = round_start_ns_;
  round_start_ns_ = now_ns;
  round_turns_left_ = driver_.sockets_open() / driver_.receives_per_turn() + 2;
}

// The turn in which a pause shows has asked the kernel before it, or was sent back with EINTR by
// it; so one more at least. It ends in any case: a machine too slow for us must not keep timers
// off.
bool Loop::is_catching_up(int64_t waited_ns, bool io_left) {
  const int64_t now_ns = driver_.now_ns();
  const bool was_paused = now_ns - last_turn_ns_ - waited_ns > kPauseNs;
  last_turn_ns_ = now_ns;
  if (catch_up_until_ns_ == 0) {
    if (was_paused) catch_up_until_ns_ = now_ns + kCatchUpNsMax;
    return was_paused;
  }
  if (io_left && now_ns < catch_up_until_ns_) return true;
  catch_up_until_ns_ = 0;
  return false;
}

}  // namespace livehub::shard
