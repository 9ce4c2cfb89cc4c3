#include "tool/printer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tool/command.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::tool {
namespace {

int print_errno = 0;  // of the print_line() that failed; commands have one thread

}  // namespace

bool print_line(std::string_view line) {
  errno = 0;
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
  if (std::ferror(stdout) == 0) return true;  // of any of the three
  print_errno = errno;
  return false;
}

int lost_output_exit() {
  if (print_errno == EPIPE) return kExitOk;
  complain(std::string("standard output cannot be written: ") + ::strerrordesc_np(print_errno));
  return kExitFailed;
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::string message_json(const StreamMessage& message) {
  const std::string data = wire::utf8_with_replacement(message.data);
  std::string compact;
  if (!wire::json_compact(data, compact).ok) compact = wire::json_quote(data);
  std::string out = "{";
  if (!message.id.empty())
    out += "\"id\":" + wire::json_quote(wire::utf8_with_replacement(message.id)) + ",";
  if (!message.event.empty())
    out += "\"event\":" + wire::json_quote(wire::utf8_with_replacement(message.event)) + ",";
  return out + "\"data\":" + compact + "}";
}

std::string message_text(const StreamMessage& message, bool for_terminal) {
  std::string out;
  if (!message.event.empty()) out = "[" + std::string(message.event) + "] ";
  out += message.data;
  if (!for_terminal) return out;
  for (char& c : out)
    if ((c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == '\x7f') c = '?';
  return out;
}

}  // namespace livehub::tool
