#include "fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace livehub::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

void broken(const char* sentence, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken: %s\n", file, line, sentence);
  std::fflush(nullptr);
  std::abort();
}

uint8_t Input::byte() {
  if (bytes_.empty()) return 0;
  const auto first = static_cast<uint8_t>(bytes_.front());
  bytes_.remove_prefix(1);
  return first;
}

std::string_view Input::until(char separator) {
  const size_t end = std::min(bytes_.find(separator), bytes_.size());
  const std::string_view part = bytes_.substr(0, end);
  bytes_.remove_prefix(std::min(end + 1, bytes_.size()));
  return part;
}

std::vector<size_t> cuts_of(size_t bytes) {
  constexpr size_t kEveryMax = 200, kEnds = 40;
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < bytes; ++cut) {
    const bool is_near_an_end = cut < kEnds || cut + kEnds > bytes;
    if (bytes <= kEveryMax || is_near_an_end || cut % (bytes / 32) == 0) cuts.push_back(cut);
  }
  return cuts;
}

}  // namespace livehub::fuzz
