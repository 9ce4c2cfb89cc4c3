// What commands print on standard output, one message a line. One thread.
// Tests: tests/unit/tool/printer_test.cc, tests/integration/tools_stream.test.mjs.
#pragma once

#include <string>
#include <string_view>

#include "tool/stream.h"

namespace livehub::tool {

// False: it is lost.
[[nodiscard]] bool print_line(std::string_view line);
// The exit code after that: kExitOk where whoever read it has gone, as `head` does; else a sentence
// on standard error and kExitFailed.
[[nodiscard]] int lost_output_exit();
[[nodiscard]] bool is_terminal(int fd);

// {"id":…,"event":…,"data":…}: the data as the JSON it is, or as a string.
[[nodiscard]] std::string message_json(const StreamMessage& message);
// The data, after the event's name where it has one. For a terminal: without control characters,
// which could move the cursor or worse.
[[nodiscard]] std::string message_text(const StreamMessage& message, bool for_terminal);

}  // namespace livehub::tool
