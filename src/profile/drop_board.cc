#include "profile/drop_board.h"

#include <algorithm>
#include <utility>

#include "profile/drop_events.h"

namespace livehub::profile {
namespace {

constexpr int64_t kHoldMs = 200;
constexpr int64_t kRetryNs = 5'000'000'000;
constexpr const char* kStates = "drop.*.state";
constexpr const char* kBucket = "drops_index";
constexpr int64_t kBucketBytes = 10 << 20;

}  // namespace

DropBoard::DropBoard(const ProfileContext& context, std::shared_ptr<source::NatsSubscriber> nats,
                     std::shared_ptr<source::HttpCaller> http, std::function<int64_t()> unix_ms,
                     StateCall state_call)
    : context_(context),
      nats_(std::move(nats)),
      http_(std::move(http)),
      unix_ms_(std::move(unix_ms)),
      state_call_(std::move(state_call)),
      tasks_(context.post) {}

void DropBoard::arrive() {
  if (++listeners_ == 1) begin_listening();
}

void DropBoard::leave() {
  if (--listeners_ == 0) end_listening();
}

// The source calls on its own thread; `this` lives as long as what is posted runs.
void DropBoard::begin_listening() {
  const uint64_t round = ++round_;
  const auto post = context_.post;
  bucket_listen_ = nats_->listen({.name = kBucket,
                                  .bytes_max = kBucketBytes,
                                  .hold_ms = kHoldMs,
                                  .on_keys = [this, post, round](auto keys) {
                                    post([this, round, keys = std::move(keys)]() mutable {
                                      if (round == round_) set_keys(std::move(keys));
                                    });
                                  }});
  state_listen_ =
      nats_->listen({.subject = kStates, .hold_ms = kHoldMs, .on_news = [this, post, round] {
                       post([this, round] {
                         if (round == round_) on_news();
                       });
                     }});
}

void DropBoard::end_listening() {
  nats_->unlisten(bucket_listen_);
  nats_->unlisten(state_listen_);
  ++round_;
  keys_.reset();
  states_.clear();
  list_.reset();
  waiting_.clear();
  calls_out_ = 0;
  is_computing_ = is_news_ = owes_call_ = false;
}

void DropBoard::set_keys(std::vector<std::string> keys) {
  keys_ = std::move(keys);
  std::erase_if(states_, [this](const auto& entry) {
    return !std::binary_search(keys_->begin(), keys_->end(), entry.first);
  });
  on_news();
}

void DropBoard::on_news() {
  list_.reset();
  is_news_ = true;
  if (keys_ && !is_computing_) compute();
}

void DropBoard::ask(std::function<void(std::string)> answer) {
  // While the link is down nobody tells us of changes: what the backend says now is what counts.
  if (list_ && nats_->is_up()) return answer(drops_event(*list_, unix_ms_()));
  // The first list goes to all who listen: nobody needs to be remembered for it.
  if (!keys_) return;
  waiting_.push_back(std::move(answer));
  if (!is_computing_) compute();
}

// What a failed call would have said is news for everybody: nobody may tell of it again.
void DropBoard::on_tick(int64_t now_ns) {
  if (!owes_call_ || is_computing_) return;
  if (retry_at_ns_ == 0) retry_at_ns_ = now_ns + kRetryNs;
  if (now_ns >= retry_at_ns_) on_news();
}

void DropBoard::compute() {
  is_computing_ = true;
  owes_call_ = false;
  retry_at_ns_ = 0;
  is_for_all_ = std::exchange(is_news_, false);
  calls_out_ = keys_->size() + 1;
  const std::vector<std::string> keys = *keys_;
  for (const std::string& drop : keys) tasks_.start(fetch(drop, round_));
  if (--calls_out_ == 0) finish();
}

source::Task DropBoard::fetch(std::string drop, uint64_t round) {
  const source::HttpAnswer answer = co_await tasks_.call(*http_, state_call_(drop));
  if (round != round_) co_return;
  if (answer.is_success() && is_drop_state(answer.body))
    states_[drop] = answer.body;
  else
    owes_call_ = true;
  if (--calls_out_ == 0) finish();
}

void DropBoard::finish() {
  is_computing_ = false;
  std::vector<ListedDrop> listed;
  for (const std::string& drop : *keys_)
    if (const auto state = states_.find(drop); state != states_.end())
      if (auto entry = listed_drop(drop, state->second)) listed.push_back(std::move(*entry));
  const auto waiting = std::exchange(waiting_, {});
  // Not one answer for all of them: the backend is away, and an empty list would be a lie.
  if (states_.empty() && !keys_->empty()) {
    if (is_news_) compute();
    return;
  }
  std::string list = drops_list(std::move(listed));
  const std::string event = drops_event(list, unix_ms_());
  if (!is_news_) list_ = std::move(list);
  if (is_for_all_)
    context_.publish({.channel = kChannel, .payload = event, .event = "drops"});
  else
    for (const auto& answer : waiting) answer(event);
  if (is_news_) compute();
}

}  // namespace livehub::profile
