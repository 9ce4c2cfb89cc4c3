#include "source/jwks.h"

#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "source/http_client.h"
#include "source/http_url.h"

namespace livehub::source {
namespace {

constexpr size_t kBytesMax = 256 * 1024;

bool is_url(const std::string& location) { return location.find("://") != std::string::npos; }

// Keys that came in clear over a foreign network would be anybody's.
bool is_trustworthy(const std::string& url) {
  if (!is_callable_url(url)) return false;
  const UrlOrigin origin = origin_of_url(url);
  return origin.scheme == "https" || origin.host == "localhost" || origin.host == "127.0.0.1" ||
         origin.host == "[::1]" || origin.host.ends_with(".internal");
}

std::optional<std::string> read_file(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return std::nullopt;
  std::string text(kBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return text;
}

HttpClientOptions client_options(const JwksOptions& options) {
  HttpClientOptions made;
  made.name = "jwks";
  made.concurrency_max = 1;
  made.queue_max = 1;
  made.timeout_ms = options.timeout_ms;
  made.body_bytes_max = kBytesMax;
  made.redirects_max = 2;
  made.ca_file = options.ca_file;
  made.breaker_open_ms = 1;  // the interval is limit enough
  return made;
}

}  // namespace

class Jwks::State {
 public:
  explicit State(JwksOptions options) : options_(std::move(options)) {
    if (is_url(options_.location)) client_ = std::make_unique<HttpClient>(client_options(options_));
  }

  std::string start() {
    if (!client_) return {};
    std::string error = client_->start();
    if (error.empty()) static_cast<void>(refresh({}));
    return error;
  }
  void stop() {
    if (client_) client_->stop();
  }

  std::shared_ptr<const auth::JwtKeys> keys() {
    bool is_old = false;
    std::shared_ptr<const auth::JwtKeys> keys;
    {
      const std::lock_guard lock(mutex_);
      keys = keys_;
      is_old = base::monotonic_ms() - fetched_ms_ >= options_.max_age_ms;
    }
    if (is_old) static_cast<void>(refresh({}));
    return keys;
  }

  bool refresh(std::function<void()> done) {
    {
      const std::lock_guard lock(mutex_);
      if (is_fetching_) {
        if (done) waiting_.push_back(std::move(done));
        return true;
      }
      const int64_t now = base::monotonic_ms();
      if (asked_ms_ != 0 && now - asked_ms_ < options_.interval_ms) return false;
      asked_ms_ = now;
      is_fetching_ = true;
      if (done) waiting_.push_back(std::move(done));
    }
    if (!client_) {
      take(read_file(options_.location), "the file cannot be read");
      return true;
    }
    HttpCall call;
    call.url = options_.location;
    call.headers = {{"Accept", "application/json"}};
    client_->call(std::move(call), [this](HttpAnswer answer) {
      const bool is_good = answer.is_success();
      if (answer.fault == HttpFault::kStopped) return take(std::nullopt, {});
      const std::string problem =
          answer.status != 0 ? "it answers " + std::to_string(answer.status) : answer.problem;
      take(is_good ? std::optional(std::move(answer.body)) : std::nullopt, problem);
    });
    return true;
  }

  // The end of a fetch.
  void take(const std::optional<std::string>& text, const std::string& problem) {
    std::string error;
    std::optional<auth::JwtKeys> made;
    if (text) made = auth::JwtKeys::from_jwk_set(*text, error);
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      is_fetching_ = false;
      waiting.swap(waiting_);
      const bool was_up = problem_.empty() && keys_ != nullptr;
      problem_ = made ? std::string() : text ? error : problem;
      if (made) {
        keys_ = std::make_shared<const auth::JwtKeys>(std::move(*made));
        fetched_ms_ = base::monotonic_ms();
      }
      if (was_up != problem_.empty()) changed_ms_ = base::monotonic_ms();
      if (was_up && !problem_.empty()) base::log_warn("jwks: the former keys stay: " + problem_);
    }
    for (const auto& done : waiting) done();
  }

  LinkState link() const {
    const std::lock_guard lock(mutex_);
    LinkState link;
    link.name = "jwks";
    link.is_up = keys_ != nullptr && problem_.empty();
    link.is_needed = keys_ == nullptr;  // former keys serve
    link.state_seconds = static_cast<double>(base::monotonic_ms() - changed_ms_) / 1000;
    link.quiet_seconds = static_cast<double>(base::monotonic_ms() - fetched_ms_) / 1000;
    link.problem = link.is_up ? std::string() : problem_.empty() ? "not fetched yet" : problem_;
    return link;
  }

 private:
  const JwksOptions options_;
  std::unique_ptr<HttpClient> client_;  // none: a file
  mutable std::mutex mutex_;            // for what follows
  std::shared_ptr<const auth::JwtKeys> keys_;
  std::vector<std::function<void()>> waiting_;
  std::string problem_;
  bool is_fetching_ = false;
  int64_t asked_ms_ = 0;
  int64_t fetched_ms_ = base::monotonic_ms();
  int64_t changed_ms_ = fetched_ms_;
};

Jwks::Jwks(Private, std::unique_ptr<State> state) : state_(std::move(state)) {}
Jwks::~Jwks() { state_->stop(); }

std::shared_ptr<Jwks> Jwks::make(JwksOptions options, std::string& error) {
  const std::string location = options.location;
  if (is_url(location) && !is_trustworthy(location)) {
    error = "must be https://, or http:// to this machine or a name that ends in .internal";
    return nullptr;
  }
  auto state = std::make_unique<State>(std::move(options));
  if (!is_url(location)) {
    static_cast<void>(state->refresh({}));
    if (const LinkState link = state->link(); !link.is_up) {
      error = "cannot be used: " + link.problem;
      return nullptr;
    }
  }
  return std::make_shared<Jwks>(Private(), std::move(state));
}

std::shared_ptr<const auth::JwtKeys> Jwks::keys() { return state_->keys(); }
bool Jwks::refresh(std::function<void()> done) { return state_->refresh(std::move(done)); }
std::string Jwks::start(Inlet&) { return state_->start(); }
std::string Jwks::start() { return state_->start(); }
void Jwks::stop() { state_->stop(); }
std::vector<LinkState> Jwks::links() const { return {state_->link()}; }

}  // namespace livehub::source
