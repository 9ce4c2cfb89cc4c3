#include "server/admin_tap.h"

#include <algorithm>
#include <atomic>

#include "server/admin_json.h"
#include "server/engine_state.h"

namespace livehub::server {

uint64_t AdminTaps::new_id() {
  static std::atomic<uint64_t> last{0};  // relaxed: only that they differ matters
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

AdminTaps::~AdminTaps() {
  while (!taps_.empty()) close(taps_.back().id);
}

std::string AdminTaps::event_of(const hub::Message& message, int64_t unix_ms) {
  char position[hub::kPositionTextMax];
  const size_t size = hub::write_position(position, message.position);
  std::string_view text = message.payload();
  const bool is_cut = text.size() > kTextBytes;
  if (is_cut) {
    size_t end = kTextBytes;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not in the middle of a character
    text = text.substr(0, end);
  }
  return text_of({{"position", std::string_view(position, size)},
                  {"at_ms", unix_ms},
                  {"bytes", message.payload_bytes},
                  {"event", message.event()},
                  {"text", text},
                  {"is_cut", is_cut}});
}

void AdminTaps::open(Session session, std::string channel) {
  Tap tap;
  tap.id = session.tag();
  tap.session = session;
  tap.channel = std::move(channel);
  tap.own_channel = "tap " + std::to_string(tap.id);
  session.subscribe({.channel = tap.own_channel, .slow_reader = SlowReader::kSkip});
  taps_.push_back(std::move(tap));
}

void AdminTaps::close(uint64_t id) {
  std::erase_if(taps_, [id](const Tap& tap) { return tap.id == id; });
  hub_.state().on_shards(
      [id](uint32_t, session::Front& front, io::Driver&, shard::Loop&) { front.drop_tap(id); });
}

void AdminTaps::ask(Tap& tap, int64_t now_ns) {
  tap.asked_ns = now_ns;
  tap.gather = std::make_shared<Gather<session::Taps::Taken>>();
  tap.gather->expect(
      hub_.state().on_shards([gather = tap.gather, id = tap.id, channel = tap.channel](
                                 uint32_t, session::Front& front, io::Driver&, shard::Loop&) {
        gather->add(front.take_tapped(id, channel));
      }));
}

bool AdminTaps::take(Tap& tap, int64_t unix_ms) {
  const auto parts = tap.gather->take();
  const bool is_whole = parts.size() >= tap.gather->expected();
  tap.gather.reset();
  for (const session::Taps::Taken& taken : parts) {
    if (taken.is_refused) return false;
    for (const hub::MessagePtr& message : taken.messages)
      publish_({.channel = tap.own_channel, .payload = event_of(*message, unix_ms)});
    if (taken.missed > 0)
      publish_({.channel = tap.own_channel,
                .payload = text_of({{"count", taken.missed}}),
                .event = "missed"});
  }
  // What a shard says too late is dropped with its gather.
  if (!is_whole)
    publish_({.channel = tap.own_channel, .payload = "{\"count\":0}", .event = "missed"});
  if (!tap.has_begun) tap.session.send_comment("tapping");
  tap.has_begun = true;
  return true;
}

void AdminTaps::tick(int64_t now_ns, int64_t unix_ms) {
  std::vector<Session> refused;
  for (Tap& tap : taps_) {
    const bool is_late = now_ns - tap.asked_ns >= 10 * kPeriodNs;
    if (tap.gather && (tap.gather->is_complete() || is_late) && !take(tap, unix_ms))
      refused.push_back(tap.session);
    if (!tap.gather && now_ns - tap.asked_ns >= kPeriodNs) ask(tap, now_ns);
  }
  for (Session& session : refused) session.close(1013, "too many taps");
}

}  // namespace livehub::server
