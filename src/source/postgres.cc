#include "source/postgres.h"

#include <chrono>

#include "source/pg_loop.h"
#include "source/pg_url.h"

namespace livehub::source {

PostgresSource::PostgresSource(PostgresOptions options, std::shared_ptr<PostgresRules> rules)
    : options_(std::move(options)), rules_(std::move(rules)) {}

PostgresSource::~PostgresSource() = default;

std::string PostgresSource::check_url(std::string_view url, std::string_view setting) {
  std::string error;
  (void)parse_pg_address(url, setting, error);
  return error;
}

std::vector<std::string> PostgresSource::unknown_parameters(std::string_view url) {
  std::string error;
  const auto address = parse_pg_address(url, "", error);
  return address ? address->ignored : std::vector<std::string>();
}

std::string PostgresSource::start(Inlet& inlet) {
  std::string error;
  auto address = parse_pg_address(options_.url, options_.url_setting, error);
  if (!address) return error;
  loop_ = std::make_unique<PgLoop>(options_, *rules_, std::move(*address), inlet);
  seen_loop_.store(loop_.get(), std::memory_order_release);
  return loop_->start();
}

void PostgresSource::stop() {
  if (loop_) loop_->stop();
}

std::vector<LinkState> PostgresSource::links() const {
  const PgLoop* loop = seen_loop_.load(std::memory_order_acquire);
  if (!loop) return {LinkState{.name = "postgres", .problem = "not started"}};
  return {loop->link()};
}

void PostgresSource::want(std::string_view channel) {
  if (channel != kCanaryChannel) wanted_channels_.fetch_add(1, std::memory_order_relaxed);
  if (loop_) loop_->post(channel, true);
}

void PostgresSource::unwant(std::string_view channel) {
  if (channel != kCanaryChannel) wanted_channels_.fetch_sub(1, std::memory_order_relaxed);
  if (loop_) loop_->post(channel, false);
}

void PostgresSource::send_canary(std::string_view payload) {
  if (loop_) loop_->send_canary(payload);
}

void PostgresSource::rebuild() {
  if (loop_) loop_->rebuild();
}

}  // namespace livehub::source
