#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace livehub::base {
namespace {

spdlog::logger& logger() {
  static const auto made = [] {
    auto log = std::make_shared<spdlog::logger>(
        "livehub", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    log->flush_on(spdlog::level::trace);
    return log;
  }();
  return *made;
}

}  // namespace

bool set_log_level(std::string_view level) {
  for (const auto candidate : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                               spdlog::level::warn, spdlog::level::err, spdlog::level::off}) {
    const auto name = spdlog::level::to_string_view(candidate);
    const bool is_name = std::string_view(name.data(), name.size()) == level ||
                         (candidate == spdlog::level::warn && level == "warn");
    if (!is_name) continue;
    logger().set_level(candidate);
    return true;
  }
  return false;
}

void log_debug(std::string_view line) { logger().debug("{}", line); }
void log_info(std::string_view line) { logger().info("{}", line); }
void log_warn(std::string_view line) { logger().warn("{}", line); }
void log_error(std::string_view line) { logger().error("{}", line); }

}  // namespace livehub::base
