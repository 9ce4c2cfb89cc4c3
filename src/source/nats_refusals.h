// What the server does not permit us: which subjects, for the log, for readiness and for the link,
// which tries them again. It says so on the connection and long after we asked, so a subscription
// may count as made before its refusal comes. mailbox. Limits: kNatsRefusalsMax entries, and
// a line in the log each 10 s. Tests: tests/unit/source/nats_refusals_test.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "livehub/source.h"

namespace livehub::source {

struct NatsRefusal {
  bool is_publish = false;  // else a subscription
  std::string subject;
};

// Out of the server's words ("Permissions Violation for Subscription to \"a.b\""). nullopt: they
// are other words, or cut off.
[[nodiscard]] std::optional<NatsRefusal> parse_nats_refusal(std::string_view text);

// Beyond it a subject is not tried again before the next connection, and not named.
inline constexpr size_t kNatsRefusalsMax = 10'000;

class NatsRefusals {
 public:
  using Clock = std::chrono::steady_clock;

  // `name`: of its LinkState.
  explicit NatsRefusals(std::string name) : name_(std::move(name)), since_(Clock::now()) {}
  NatsRefusals(const NatsRefusals&) = delete;
  NatsRefusals& operator=(const NatsRefusals&) = delete;
  ~NatsRefusals() = default;

  // Logs it, if it was not known.
  void note(const NatsRefusal& refusal);
  // Those noted since the last time, known before or not.
  [[nodiscard]] std::vector<std::string> take_news();
  // It is permitted now, or nobody asks for it any more. False: it was noted since take_news().
  bool forget(const std::string& subject);
  void clear();  // a new connection: everything is asked anew
  [[nodiscard]] bool is_empty() const;
  [[nodiscard]] std::vector<std::string> subjects() const;
  // Down while there is any; its sentence names one.
  [[nodiscard]] LinkState state() const;

 private:
  const std::string name_;
  mutable std::mutex mutex_;              // for what follows
  std::map<std::string, bool> subjects_;  // whether it is about publishing
  std::vector<std::string> news_;
  Clock::time_point since_;
  std::optional<Clock::time_point> logged_at_;
  uint64_t unlogged_ = 0;
};

}  // namespace livehub::source
