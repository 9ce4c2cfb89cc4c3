#include "source/nats_refusals.h"

#include <algorithm>

#include "base/log.h"

namespace livehub::source {
namespace {

constexpr auto kLogEach = std::chrono::seconds(10);
constexpr std::string_view kInbox = "_INBOX.";  // another name each time

std::string act_of(const std::string& subject, bool is_publish) {
  return (is_publish ? "publish to \"" : "subscribe to \"") + subject + "\"";
}

}  // namespace

std::optional<NatsRefusal> parse_nats_refusal(std::string_view text) {
  constexpr std::string_view kSubscription = "Subscription to \"", kPublish = "Publish to \"";
  NatsRefusal refusal;
  size_t begin = text.find(kSubscription);
  refusal.is_publish = begin == std::string_view::npos;
  if (refusal.is_publish) begin = text.find(kPublish);
  if (begin == std::string_view::npos) return std::nullopt;
  begin += refusal.is_publish ? kPublish.size() : kSubscription.size();
  const size_t end = text.find('"', begin);
  if (end == std::string_view::npos || end == begin) return std::nullopt;
  refusal.subject = text.substr(begin, end - begin);
  if (refusal.subject.starts_with(kInbox)) refusal.subject = std::string(kInbox) + ">";
  return refusal;
}

void NatsRefusals::note(const NatsRefusal& refusal) {
  const std::lock_guard guard(mutex_);
  if (subjects_.empty()) since_ = Clock::now();
  if (news_.size() < kNatsRefusalsMax) news_.push_back(refusal.subject);
  if (subjects_.size() >= kNatsRefusalsMax) return;
  if (!subjects_.emplace(refusal.subject, refusal.is_publish).second) return;
  // One who asks for many that are refused must not fill the log.
  if (logged_at_ && Clock::now() - *logged_at_ < kLogEach) {
    ++unlogged_;
    return;
  }
  logged_at_ = Clock::now();
  std::string others;
  if (unlogged_ > 0) others = " (nor " + std::to_string(std::exchange(unlogged_, 0)) + " before)";
  base::log_error("nats: the server does not permit us to " +
                  act_of(refusal.subject, refusal.is_publish) + others);
}

std::vector<std::string> NatsRefusals::take_news() {
  const std::lock_guard guard(mutex_);
  return std::exchange(news_, {});
}

bool NatsRefusals::forget(const std::string& subject) {
  const std::lock_guard guard(mutex_);
  if (std::find(news_.begin(), news_.end(), subject) != news_.end()) return false;
  if (subjects_.erase(subject) > 0 && subjects_.empty()) since_ = Clock::now();
  return true;
}

void NatsRefusals::clear() {
  const std::lock_guard guard(mutex_);
  if (!subjects_.empty()) since_ = Clock::now();
  subjects_.clear();
  news_.clear();
}

bool NatsRefusals::is_empty() const {
  const std::lock_guard guard(mutex_);
  return subjects_.empty();
}

std::vector<std::string> NatsRefusals::subjects() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> names;
  for (const auto& [subject, is_publish] : subjects_) names.push_back(subject);
  return names;
}

LinkState NatsRefusals::state() const {
  const std::lock_guard guard(mutex_);
  LinkState state;
  state.name = name_;
  state.is_up = subjects_.empty();
  state.is_whole = false;
  state.state_seconds = std::chrono::duration<double>(Clock::now() - since_).count();
  if (state.is_up) return state;
  const auto& [subject, is_publish] = *subjects_.begin();
  state.problem = "the server does not permit us to " + act_of(subject, is_publish);
  if (subjects_.size() > 1)
    state.problem += ", nor " + std::to_string(subjects_.size() - 1) + " others";
  return state;
}

}  // namespace livehub::source
