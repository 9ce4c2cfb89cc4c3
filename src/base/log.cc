#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>

namespace livehub::base {
namespace {

constexpr double kLinesPerSecond = 20;
constexpr double kBurst = 100;

using Level = spdlog::level::level_enum;

class Log {
 public:
  Log()
      : logger_("livehub", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()),
        is_json_(::isatty(STDERR_FILENO) != 1) {
    apply();
    logger_.flush_on(spdlog::level::trace);
  }
  void set_format(LogFormat format) {
    if (format != LogFormat::kAuto) is_json_ = format == LogFormat::kJson;
    apply();
  }
  void set_level(Level level) { logger_.set_level(level); }

  void write(Level level, std::string_view line, std::string_view request_id) {
    if (!logger_.should_log(level)) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    const std::lock_guard guard(mutex_);
    uint64_t left_out = 0;
    if (!limiters_[static_cast<size_t>(level)].admit(now_ns, left_out)) return;
    if (left_out > 0)
      put(level, "lines left out here, because there were too many: " + std::to_string(left_out),
          {});
    put(level, line, request_id);
  }

 private:
  void apply() { logger_.set_pattern(is_json_ ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v"); }
  void put(Level level, std::string_view line, std::string_view request_id) {
    if (!is_json_) return logger_.log(level, "{}", log_text(line, request_id));
    const auto name = spdlog::level::to_string_view(level);
    const std::string_view word(name.data(), name.size());
    logger_.log(level, "{}",
                log_json(utc_now(), word == "warning" ? "warn" : word, line, request_id));
  }
  static std::string utc_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    const std::time_t seconds = ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       ms % 1000);
  }

  spdlog::logger logger_;
  bool is_json_;
  std::mutex mutex_;  // guards the limiters, and keeps a count beside its line
  std::array<LogLimiter, 7> limiters_ = {
      LogLimiter{kLinesPerSecond, kBurst}, LogLimiter{kLinesPerSecond, kBurst},
      LogLimiter{kLinesPerSecond, kBurst}, LogLimiter{kLinesPerSecond, kBurst},
      LogLimiter{kLinesPerSecond, kBurst}, LogLimiter{kLinesPerSecond, kBurst},
      LogLimiter{kLinesPerSecond, kBurst}};
};

Log& log() {
  static Log made;
  return made;
}

}  // namespace

bool set_log_level(std::string_view level) {
  for (const auto candidate : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                               spdlog::level::warn, spdlog::level::err, spdlog::level::off}) {
    const auto name = spdlog::level::to_string_view(candidate);
    const bool is_name = std::string_view(name.data(), name.size()) == level ||
                         (candidate == spdlog::level::warn && level == "warn");
    if (!is_name) continue;
    log().set_level(candidate);
    return true;
  }
  return false;
}

void set_log_format(LogFormat format) { log().set_format(format); }

void log_debug(std::string_view line, std::string_view request_id) {
  log().write(spdlog::level::debug, line, request_id);
}
void log_info(std::string_view line, std::string_view request_id) {
  log().write(spdlog::level::info, line, request_id);
}
void log_warn(std::string_view line, std::string_view request_id) {
  log().write(spdlog::level::warn, line, request_id);
}
void log_error(std::string_view line, std::string_view request_id) {
  log().write(spdlog::level::err, line, request_id);
}

}  // namespace livehub::base
