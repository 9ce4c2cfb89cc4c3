#include "source/random_name.h"

#include <openssl/rand.h>

#include "base/clock.h"

namespace livehub::source {

uint64_t random_u64() {
  uint64_t value = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof(value)) != 1)
    value = static_cast<uint64_t>(base::monotonic_ns());
  return value;
}

std::string random_name(std::string_view begin) {
  constexpr std::string_view kHex = "0123456789abcdef";
  uint64_t number = random_u64();
  std::string name(begin);
  for (int digit = 0; digit < 16; ++digit, number >>= 4) name += kHex[number & 15];
  return name;
}

}  // namespace livehub::source
