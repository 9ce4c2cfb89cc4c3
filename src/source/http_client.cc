#include "source/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "source/http_breaker.h"
#include "source/http_transfer.h"
#include "source/http_url.h"
#include "source/thread.h"

namespace livehub::source {
namespace {

double seconds_between(int64_t from_ns, int64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) / 1e9;
}

constexpr int kIdleWaitMs = 1000, kQueueWaitMs = 50;

// What makes two calls equal; lengths stand before what has them, so that no two differ and agree.
std::string share_key_of(const HttpCall& call) {
  std::string key;
  const auto add = [&key](std::string_view part) {
    key.append(std::to_string(part.size())).append(":").append(part);
  };
  add(call.method);
  add(call.url);
  for (const auto& [name, value] : call.headers) {
    add(name);
    add(value);
  }
  add(call.body);
  add(call.is_fresh ? "fresh" : "");
  return key;
}

bool is_sendable(const HttpCall& call) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  return std::find(std::begin(kMethods), std::end(kMethods), call.method) != std::end(kMethods) &&
         is_callable_url(call.url) &&
         std::all_of(call.headers.begin(), call.headers.end(), [](const auto& field) {
           return is_sendable_field(field.first, field.second);
         });
}

bool is_backend_trouble(const HttpAnswer& answer) {
  if (answer.fault == HttpFault::kTimeout || answer.fault == HttpFault::kUnreachable) return true;
  return answer.status == 502 || answer.status == 503 || answer.status == 504;
}

HttpAnswer failure(HttpFault fault, std::string problem) {
  return {.fault = fault, .problem = std::move(problem)};
}

void initialise_libcurl() {
  static std::once_flag once;
  std::call_once(once, [] {
    LIVEHUB_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl starts");
  });
}

}  // namespace

// The thread and what it shares with callers.
// Invariants: 1. each caller is in exactly one job, each job in exactly one of `queue_`, `held_`
// and `transfers_`; 2. `callers_` is their number; 3. a job is in `shared_` as long as it takes
// callers, a fresh one until it goes out; 4. a fresh job is in `held_` only while an equal one is
// out.
class HttpClient::Worker {
 public:
  explicit Worker(HttpClientOptions options)
      : options_(std::move(options)),
        breaker_(options_.breaker_failures, int64_t{options_.breaker_open_ms} * 1'000'000) {
    initialise_libcurl();
    multi_ = curl_multi_init();
    LIVEHUB_CHECK(multi_ != nullptr, "libcurl makes a multi handle");
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.concurrency_max));
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    stop();
    curl_multi_cleanup(multi_);
  }

  void call(HttpCall call, Done done);
  std::string start();
  void stop();
  LinkState link() const;
  Counts counts() const;

 private:
  HttpAnswer enqueue(HttpCall call, Done& done);
  void run();
  void start_queued();
  bool hold(std::unique_ptr<HttpJob>& job);
  void send_out(HttpJob& job);
  void begin(std::unique_ptr<HttpJob> job);
  void read_messages();
  void finish(HttpTransfer& transfer, CURLcode code);
  void answer(std::unique_ptr<HttpJob> job, HttpAnswer answer);
  void fail_late_ones();
  void fail_everything();
  void note_outcome(const HttpAnswer& answer, int64_t now);

  const HttpClientOptions options_;
  CURLM* multi_ = nullptr;
  std::thread thread_;
  // The thread's alone.
  std::unordered_map<CURL*, std::unique_ptr<HttpTransfer>> transfers_;
  int64_t next_look_ns_ = 0;

  mutable std::mutex mutex_;  // for what follows
  std::deque<std::unique_ptr<HttpJob>> queue_;
  std::unordered_map<std::string, HttpJob*> shared_;
  std::unordered_map<std::string, std::unique_ptr<HttpJob>> held_;  // by share key
  std::unordered_set<std::string> fresh_out_;                       // share keys
  uint64_t callers_ = 0;
  HttpBreaker breaker_;
  const int64_t made_ns_ = base::monotonic_ns();
  int64_t proven_ns_ = made_ns_;
  std::string problem_;
  Counts counts_;
  bool is_stopping_ = false;
};

void HttpClient::Worker::call(HttpCall call, Done done) {
  HttpAnswer refusal = enqueue(std::move(call), done);
  if (refusal.fault == HttpFault::kNone)
    curl_multi_wakeup(multi_);
  else
    done(std::move(refusal));
}

// An answer with a fault, if the call cannot even wait; then `done` is still the caller's.
HttpAnswer HttpClient::Worker::enqueue(HttpCall call, Done& done) {
  const bool is_fine = is_sendable(call);
  const std::string key = call.is_shared && is_fine ? share_key_of(call) : std::string();
  const std::lock_guard lock(mutex_);
  ++counts_.calls;
  if (is_stopping_) return failure(HttpFault::kStopped, "The server is shutting down");
  if (!is_fine) return failure(HttpFault::kBadCall, "The request cannot be sent");
  if (callers_ >= uint64_t{options_.queue_max} + options_.concurrency_max) {
    ++counts_.rejected;
    return failure(HttpFault::kQueueFull, "Too many requests are waiting");
  }
  ++callers_;
  if (const auto found = shared_.find(key); !key.empty() && found != shared_.end()) {
    ++counts_.shared;
    found->second->callers.push_back(std::move(done));
    return {.fault = HttpFault::kNone};
  }
  auto job = std::make_unique<HttpJob>();
  const uint32_t ms = call.timeout_ms == 0 ? options_.timeout_ms : call.timeout_ms;
  job->deadline_ns = base::monotonic_ns() + int64_t{ms} * 1'000'000;
  job->redirects_left = options_.redirects_max;
  job->call = std::move(call);
  job->share_key = key;
  job->callers.push_back(std::move(done));
  if (!key.empty()) shared_.emplace(key, job.get());
  queue_.push_back(std::move(job));
  return {.fault = HttpFault::kNone};
}

std::string HttpClient::Worker::start() {
  if (thread_.joinable()) return {};
  thread_ = start_thread([this] { run(); });
  return {};
}

void HttpClient::Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  if (thread_.joinable()) thread_.join();
  fail_everything();  // what came before start() and after the thread's last look
}

void HttpClient::Worker::run() {
  for (;;) {
    bool is_waiting = false;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_) break;
    }
    start_queued();
    fail_late_ones();
    int running = 0;
    curl_multi_perform(multi_, &running);
    read_messages();
    {
      const std::lock_guard lock(mutex_);
      // Something may start at once: a place became free.
      if (!queue_.empty() && transfers_.size() < options_.concurrency_max) continue;
      is_waiting = !queue_.empty();
    }
    curl_multi_poll(multi_, nullptr, 0, is_waiting ? kQueueWaitMs : kIdleWaitMs, nullptr);
  }
  fail_everything();
}

void HttpClient::Worker::start_queued() {
  while (transfers_.size() < options_.concurrency_max) {
    std::unique_ptr<HttpJob> job;
    bool is_admitted = false, is_late = false;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      is_late = base::monotonic_ns() >= job->deadline_ns;
      if (!is_late && hold(job)) continue;
      is_admitted = !is_late && breaker_.admits(base::monotonic_ns());
      if (is_admitted) send_out(*job);
    }
    if (is_admitted)
      begin(std::move(job));
    else if (is_late)
      answer(std::move(job), failure(HttpFault::kTimeout, "Timeout was reached"));
    else
      answer(std::move(job), failure(HttpFault::kCircuitOpen, "The backend does not answer"));
  }
}

// Under the lock, as send_out(). True: an equal one is out, and whoever comes joins this one.
bool HttpClient::Worker::hold(std::unique_ptr<HttpJob>& job) {
  if (!job->call.is_fresh || !fresh_out_.contains(job->share_key)) return false;
  std::string key = job->share_key;
  held_.emplace(std::move(key), std::move(job));
  return true;
}

// What a backend may have seen already answers nobody who comes from now on.
void HttpClient::Worker::send_out(HttpJob& job) {
  job.is_out = true;
  if (!job.call.is_fresh || job.share_key.empty()) return;
  shared_.erase(job.share_key);
  fresh_out_.insert(job.share_key);
}

void HttpClient::Worker::begin(std::unique_ptr<HttpJob> job) {
  auto transfer = std::make_unique<HttpTransfer>(std::move(job), options_, base::monotonic_ns());
  CURL* handle = transfer->handle();
  LIVEHUB_CHECK(curl_multi_add_handle(multi_, handle) == CURLM_OK, "libcurl takes a call");
  transfers_.emplace(handle, std::move(transfer));
}

void HttpClient::Worker::read_messages() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message is gone with its handle
    const auto found = transfers_.find(message->easy_handle);
    std::unique_ptr<HttpTransfer> transfer = std::move(found->second);
    transfers_.erase(found);
    curl_multi_remove_handle(multi_, transfer->handle());
    finish(*transfer, code);
  }
}

void HttpClient::Worker::finish(HttpTransfer& transfer, CURLcode code) {
  HttpAnswer outcome = transfer.finish(code);
  std::unique_ptr<HttpJob> job = transfer.take_job();
  {
    const std::lock_guard lock(mutex_);
    if (transfer.is_new_connection()) ++counts_.connections;
    note_outcome(outcome, base::monotonic_ns());
  }
  if (transfer.next_url().empty()) return answer(std::move(job), std::move(outcome));
  // Our fields may hold a secret: they are for the origin that was called.
  if (origin_of_url(transfer.next_url()) != origin_of_url(job->call.url)) job->call.headers.clear();
  job->call.url = transfer.next_url();
  job->is_redirected = true;
  --job->redirects_left;
  begin(std::move(job));
}

void HttpClient::Worker::note_outcome(const HttpAnswer& outcome, int64_t now) {
  const bool was_closed = breaker_.is_closed();
  if (is_backend_trouble(outcome)) {
    breaker_.failed(now);
    problem_ =
        outcome.status != 0 ? "It answers " + std::to_string(outcome.status) : outcome.problem;
  } else {
    breaker_.succeeded(now);
    proven_ns_ = now;
  }
  if (was_closed == breaker_.is_closed()) return;
  if (was_closed)
    base::log_warn(options_.name + ": calls fail at once for now: " + problem_);
  else
    base::log_info(options_.name + ": calls go out again");
}

void HttpClient::Worker::answer(std::unique_ptr<HttpJob> job, HttpAnswer outcome) {
  {
    const std::lock_guard lock(mutex_);
    callers_ -= job->callers.size();
    const uint64_t count = job->callers.size();
    (outcome.fault == HttpFault::kNone ? counts_.answers : counts_.failures) += count;
    if (!job->share_key.empty() && !(job->call.is_fresh && job->is_out))
      shared_.erase(job->share_key);  // nobody joins it any more
    if (job->is_out && fresh_out_.erase(job->share_key) > 0) {
      if (auto next = held_.extract(job->share_key)) queue_.push_front(std::move(next.mapped()));
    }
  }
  for (size_t i = 0; i + 1 < job->callers.size(); ++i) job->callers[i](outcome);
  job->callers.back()(std::move(outcome));
}

void HttpClient::Worker::fail_late_ones() {
  const int64_t now = base::monotonic_ns();
  if (now < next_look_ns_) return;  // the queue may be long
  next_look_ns_ = now + int64_t{kQueueWaitMs} * 1'000'000;
  std::vector<std::unique_ptr<HttpJob>> late;
  {
    const std::lock_guard lock(mutex_);
    const auto is_late = [now](const auto& job) { return now >= job->deadline_ns; };
    const auto keep = std::stable_partition(queue_.begin(), queue_.end(), std::not_fn(is_late));
    std::move(keep, queue_.end(), std::back_inserter(late));
    queue_.erase(keep, queue_.end());
    for (auto held = held_.begin(); held != held_.end();) {
      if (is_late(held->second)) late.push_back(std::move(held->second));
      held = held->second ? std::next(held) : held_.erase(held);
    }
  }
  for (auto& job : late)
    answer(std::move(job), failure(HttpFault::kTimeout, "Timeout was reached"));
}

// On the thread at its end, and in stop() once it has ended.
void HttpClient::Worker::fail_everything() {
  std::vector<std::unique_ptr<HttpJob>> jobs;
  for (auto& [handle, transfer] : transfers_) {
    curl_multi_remove_handle(multi_, handle);
    jobs.push_back(transfer->take_job());
  }
  transfers_.clear();
  {
    const std::lock_guard lock(mutex_);
    std::move(queue_.begin(), queue_.end(), std::back_inserter(jobs));
    queue_.clear();
    for (auto& [key, job] : held_) jobs.push_back(std::move(job));
    held_.clear();
  }
  for (auto& job : jobs)
    answer(std::move(job), failure(HttpFault::kStopped, "The server is shutting down"));
}

LinkState HttpClient::Worker::link() const {
  const int64_t now = base::monotonic_ns();
  const std::lock_guard lock(mutex_);
  LinkState link;
  link.name = options_.name;
  link.is_up = breaker_.is_closed();
  link.is_needed = options_.is_needed;
  link.state_seconds =
      seconds_between(breaker_.since_ns() == 0 ? made_ns_ : breaker_.since_ns(), now);
  link.quiet_seconds = seconds_between(proven_ns_, now);
  link.reconnects = breaker_.openings();
  if (!link.is_up) link.problem = problem_;
  return link;
}

HttpClient::Counts HttpClient::Worker::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.waiting = static_cast<uint32_t>(queue_.size() + held_.size());
  counts.in_flight = static_cast<uint32_t>(callers_ - std::min<uint64_t>(callers_, counts.waiting));
  return counts;
}

HttpClient::HttpClient(HttpClientOptions options)
    : worker_(std::make_unique<Worker>(std::move(options))) {}
HttpClient::~HttpClient() = default;

void HttpClient::call(HttpCall call, Done done) { worker_->call(std::move(call), std::move(done)); }
std::string HttpClient::start(Inlet&) { return worker_->start(); }
std::string HttpClient::start() { return worker_->start(); }
void HttpClient::stop() { worker_->stop(); }
std::vector<LinkState> HttpClient::links() const { return {worker_->link()}; }
HttpClient::Counts HttpClient::counts() const { return worker_->counts(); }

}  // namespace livehub::source
