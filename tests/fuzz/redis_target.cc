// Redis' protocol as we read and write it. However the bytes are cut, the same replies come out;
// each is read again from the protocol's own writing of it; a command is an array of its arguments.
#include <string>

#include "fuzz.h"
#include "source/redis_reader.h"

namespace livehub::source {
namespace {

using Kind = RedisReply::Kind;

struct Seen {
  std::string replies;  // written anew
  bool has_failed = false;
  bool operator==(const Seen&) const = default;
};

void write(const RedisReply& reply, std::string& out) {
  switch (reply.kind) {
    case Kind::kNil:
      out += "$-1\r\n";
      return;
    case Kind::kInteger:
      out += ":" + std::to_string(reply.integer) + "\r\n";
      return;
    case Kind::kStatus:
    case Kind::kError:
      out += (reply.kind == Kind::kStatus ? "+" : "-") + reply.text + "\r\n";
      return;
    case Kind::kString:
      out += "$" + std::to_string(reply.text.size()) + "\r\n" + reply.text + "\r\n";
      return;
    case Kind::kArray:
      out += "*" + std::to_string(reply.items.size()) + "\r\n";
      for (const RedisReply& item : reply.items) write(item, out);
  }
}

Seen read(std::string_view bytes, size_t cut) {
  RedisReader reader;
  Seen seen;
  for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (!reader.feed(part)) break;
    while (const auto reply = reader.next()) write(*reply, seen.replies);
  }
  seen.has_failed = reader.has_failed();
  MUST(!seen.has_failed || !reader.feed("+OK\r\n"), "after a failure nothing is read");
  return seen;
}

// What announces more than this costs time and finds nothing.
bool is_huge(std::string_view bytes) {
  for (size_t at = 0; (at = bytes.find('*', at)) != bytes.npos; ++at) {
    const size_t digits = bytes.substr(at + 1).find_first_not_of("+0123456789");
    if (std::min(digits, bytes.size()) > 4) return true;
  }
  return false;
}

FUZZ_TARGET(redis) {
  if (is_huge(input)) return;
  const Seen whole = read(input, input.size());
  for (const size_t cut : fuzz::cuts_of(input.size()))
    MUST(read(input, cut) == whole, "what is read does not depend on where the bytes are cut");
  const Seen again = read(whole.replies, 0);
  MUST(!again.has_failed && again.replies == whole.replies, "what was read is read again");

  std::vector<std::string> arguments;
  RedisReply expected{.kind = Kind::kArray};
  for (fuzz::Input words(input); !words.empty();) {
    arguments.emplace_back(words.until(' '));
    expected.items.push_back({.kind = Kind::kString, .text = arguments.back()});
  }
  if (arguments.empty()) return;
  std::string command, reference;
  write_redis_command(command, arguments);
  write(expected, reference);
  MUST(command == reference, "a command is the array of its arguments");
}

}  // namespace
}  // namespace livehub::source
