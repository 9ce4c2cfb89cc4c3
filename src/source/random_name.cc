#include "source/random_name.h"

#include <openssl/rand.h>

#include <cstdint>

#include "base/clock.h"

namespace livehub::source {

std::string random_name(std::string_view begin) {
  constexpr std::string_view kHex = "0123456789abcdef";
  uint64_t number = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof(number)) != 1)
    number = static_cast<uint64_t>(base::monotonic_ns());
  std::string name(begin);
  for (int digit = 0; digit < 16; ++digit, number >>= 4) name += kHex[number & 15];
  return name;
}

}  // namespace livehub::source
