#include "fake_http.h"

#include <algorithm>
#include <utility>

namespace livehub::sim {
namespace {

using source::HttpFault;

constexpr int64_t kMsNs = 1'000'000;
constexpr int64_t kStallMs = 15'000;

}  // namespace

void FakeHttp::call(source::HttpCall asked, Done done) {
  ++counts_.calls;
  Call made{.asked = std::move(asked), .done = std::move(done)};
  try {
    identify(made);
  } catch (const Failure& failure) {
    wrong_ = failure.what();
    return;
  }
  io::SimRandom& random = scene_.random();
  const uint64_t most_ms = scene_.is_calm || random.chance(8000) ? 20 : 3000;
  made.due_ns = scene_.kernel.now_ns() + static_cast<int64_t>(random.below(most_ms)) * kMsNs;
  scene_.kernel.log("call", made.number);
  if (!scene_.is_calm && random.chance(500)) {  // it cannot even wait
    ++counts_.rejected;
    fail_call(made, HttpFault::kQueueFull, "Too many requests are waiting");
    return answer(std::move(made));
  }
  decide(made);
  calls_.push_back(std::move(made));
}

void FakeHttp::decide(Call& call) {
  io::SimRandom& random = scene_.random();
  const std::string number = std::to_string(call.number);
  if (random.chance(scene_.is_calm ? 8000 : 5000)) {
    ++counts_.good;
    return succeed(call);
  }
  const uint64_t what = random.below(scene_.is_calm ? 2 : 6);
  if (what < 2) {
    constexpr int kStatuses[] = {400, 401, 404, 500, 503};
    ++counts_.statuses;
    return refuse(call, kStatuses[random.below(5)]);
  }
  if (what == 2) {
    ++counts_.closed;
    return fail_call(call, HttpFault::kUnreachable, "It hung up on #" + number);
  }
  if (what == 3) {
    ++counts_.stalled;
    call.due_ns = scene_.kernel.now_ns() + kStallMs * kMsNs;
    return fail_call(call, HttpFault::kTimeout, "Timeout of #" + number);
  }
  if (what == 4) {
    ++counts_.rejected;
    return fail_call(call, random.chance(5000) ? HttpFault::kTooLarge : HttpFault::kCircuitOpen,
                     "The backend does not answer #" + number);
  }
  ++counts_.garbage;
  send_garbage(call);
}

// --- the answers ---

int64_t FakeHttp::due_ns() const {
  int64_t due_ns = Client::kNeverNs;
  for (const Call& call : calls_)
    if (held_.empty() || call.whose != held_) due_ns = std::min(due_ns, call.due_ns);
  return due_ns;
}

void FakeHttp::hold(const std::string& whose) {
  held_ = whose;
  ++counts_.held;
}

bool FakeHttp::is_holding() const {
  return std::any_of(calls_.begin(), calls_.end(),
                     [this](const Call& call) { return call.whose == held_; });
}

// Any of those whose time has come: the order in which they were asked binds nobody.
bool FakeHttp::act() {
  std::vector<size_t> due;
  for (size_t i = 0; i < calls_.size(); ++i)
    if (calls_[i].due_ns <= scene_.kernel.now_ns() && (held_.empty() || calls_[i].whose != held_))
      due.push_back(i);
  if (due.empty()) return false;
  const size_t which = scene_.random().pick(due);
  Call call = std::move(calls_[which]);
  calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(which));
  answer(std::move(call));
  return true;
}

void FakeHttp::answer(Call call) {
  counts_.late += on_answer(call);
  scene_.kernel.log("answer", call.number, static_cast<uint64_t>(call.answer.status));
  call.done(std::move(call.answer));
}

void FakeHttp::stop() {
  for (std::deque<Call> calls = std::exchange(calls_, {}); !calls.empty(); calls.pop_front()) {
    ++counts_.stopped;
    fail_call(calls.front(), HttpFault::kStopped, "The server is shutting down");
    answer(std::move(calls.front()));
  }
}

}  // namespace livehub::sim
