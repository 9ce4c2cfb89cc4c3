#include "tool/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace livehub::tool {
namespace {
constexpr size_t kLineBytesMax = 64 << 20;
constexpr size_t kReadBytes = 64 << 10;
}  // namespace

bool LineReader::take(std::string& line) {
  const size_t end = held_.find('\n', std::max(begin_, searched_));
  if (end == held_.npos) {
    searched_ = held_.size();
    if (!is_over_ || begin_ == held_.size()) return false;
    line.assign(held_, begin_);  // the last one, without an end
    begin_ = held_.size();
  } else {
    line.assign(held_, begin_, end - begin_);
    begin_ = end + 1;
  }
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

LineReader::Got LineReader::next(std::string& line, int wait_ms) {
  std::array<char, kReadBytes> room;
  for (;;) {
    if (take(line)) return Got::kLine;
    if (is_over_) return Got::kEnd;
    held_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    if (held_.size() > kLineBytesMax) return Got::kTooLong;
    std::array<pollfd, 2> both{pollfd{fd_, POLLIN, 0}, pollfd{stop_.fd(), POLLIN, 0}};
    if (::poll(both.data(), both.size(), wait_ms) == 0) return Got::kNothing;
    if (both[1].revents != 0) return Got::kStopped;
    const ssize_t count = ::read(fd_, room.data(), room.size());
    if (count < 0) return Got::kFailed;
    is_over_ = count == 0;
    held_.append(room.data(), static_cast<size_t>(count));
  }
}

}  // namespace livehub::tool
