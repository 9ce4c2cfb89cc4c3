// One line an event, to standard error: text on a terminal, else one JSON object a line. mailbox:
// any thread (it takes a lock: never on a hot path). Never with a token in it.
// Limits: 100 lines at once and 20 a second of each severity; what is left out is counted, and the
// next line is preceded by the count. Tests: tests/unit/base/log_line_test.cc,
// tests/integration/reload.test.mjs.
#pragma once

#include <string>
#include <string_view>

#include "base/log_line.h"

namespace livehub::base {

// "trace", "debug", "info", "warn", "error" or "off"; false for any other word.
bool set_log_level(std::string_view level);

enum class LogFormat : uint8_t { kAuto, kText, kJson };
// Before the first line.
void set_log_format(LogFormat format);

// `request_id` where the line is about a request: log_request_id() of its Fly-Request-Id.
void log_debug(std::string_view line, std::string_view request_id = {});
void log_info(std::string_view line, std::string_view request_id = {});
void log_warn(std::string_view line, std::string_view request_id = {});
void log_error(std::string_view line, std::string_view request_id = {});

}  // namespace livehub::base
