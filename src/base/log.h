// One line an event, to standard error. mailbox: any thread. Never on a hot path, never with a
// token in it.
#pragma once

#include <string>
#include <string_view>

namespace livehub::base {

// "trace", "debug", "info", "warn", "error" or "off"; false for any other word.
bool set_log_level(std::string_view level);

void log_debug(std::string_view line);
void log_info(std::string_view line);
void log_warn(std::string_view line);
void log_error(std::string_view line);

}  // namespace livehub::base
