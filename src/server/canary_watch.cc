#include "server/canary_watch.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/log.h"
#include "source/thread.h"

namespace livehub::server {
namespace {

constexpr auto kPeriod = std::chrono::seconds(1);

}  // namespace

void CanaryWatch::start() {
  thread_ = source::start_thread([this] { run(); });
}

void CanaryWatch::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  wakes_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CanaryWatch::run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    look(base::monotonic_ns());
    lock.lock();
    wakes_.wait_for(lock, kPeriod, [this] { return is_stopping_; });
  }
}

void CanaryWatch::look(int64_t now_ns) {
  if (is_draining_.load(std::memory_order_relaxed)) return;
  for (uint32_t source = 0; source < canaries_.sources(); ++source)
    if (!canaries_.name_of(source).empty()) step(source, now_ns);
  const std::vector<std::string> wrong = canaries_.wrong(false, now_ns);
  if (!wrong.empty() && !was_wrong_)
    for (const std::string& sentence : wrong) base::log_error(sentence);
  if (wrong.empty() && was_wrong_) base::log_info("canary: all of them come in time again");
  was_wrong_ = !wrong.empty();
}

void CanaryWatch::step(uint32_t index, int64_t now_ns) {
  Source& source = *sources_[index];
  const std::vector<LinkState> links = source.links();
  const bool is_linked = std::all_of(links.begin(), links.end(), [](const LinkState& link) {
    return link.is_up || !link.is_whole;
  });
  const session::Canaries::Step step = canaries_.step(index, is_linked, now_ns);
  if (step.is_to_rebuild) {
    base::log_error("canary: nothing comes back through " + canaries_.name_of(index) +
                    ", though its link is up: connecting anew");
    source.rebuild();
  } else if (step.is_to_send) {
    source.send_canary(std::to_string(index + 1) + " " + std::to_string(now_ns));
  }
}

}  // namespace livehub::server
