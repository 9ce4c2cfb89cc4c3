#include "load/timeline.h"

#include <utility>

#include "load/clock.h"
#include "load/progress.h"
#include "load/report.h"

namespace livehub::bench {

namespace {

constexpr int64_t kSampleMs = 250;

std::string figures_of(const TimelinePoint& point) {
  std::string text = format_number(point.seconds, 0) + " s, " + format_number(point.open, 0) +
                     " open, " + format_number(point.messages_per_second, 0) + " deliveries/s";
  if (point.rss_mb > 0) {
    text += ", server " + format_number(point.rss_mb, 1) + " MB, " +
            format_number(point.cpu_share * 100, 0) + " % of a CPU";
  }
  return text;
}

}  // namespace

TimelinePoint point_between(const Reading& before, const Reading& now, double seconds) {
  return {.seconds = 0,
          .messages_per_second = static_cast<double>(now.messages - before.messages) / seconds,
          .open = static_cast<double>(now.open),
          .rss_mb = static_cast<double>(now.rss_bytes) / 1e6,
          .cpu_share = static_cast<double>(now.cpu_ns - before.cpu_ns) / 1e9 / seconds,
          .phase = {}};
}

Timeline::Timeline(std::function<Reading()> read)
    : read_(std::move(read)), thread_([this] { sample(); }) {}

Timeline::~Timeline() { finish(); }

std::vector<TimelinePoint> Timeline::finish() {
  is_running_.store(false, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  return std::move(points_);
}

void Timeline::sample() {
  const int64_t start_ns = now_ns();
  int64_t before_ns = start_ns;
  Reading before = read_();
  while (is_running_.load(std::memory_order_relaxed)) {
    sleep_ms(kSampleMs);
    const Reading now = read_();
    const int64_t at_ns = now_ns();
    TimelinePoint point = point_between(before, now, ns_to_seconds(at_ns - before_ns));
    point.seconds = ns_to_seconds(at_ns - start_ns);
    point.phase = current_phase();
    show_figures(figures_of(point));
    points_.push_back(std::move(point));
    before = now;
    before_ns = at_ns;
  }
  show_figures("");
}

}  // namespace livehub::bench
