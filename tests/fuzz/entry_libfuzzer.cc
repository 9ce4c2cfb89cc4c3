// libFuzzer's way into the one target that this program was linked with.
#include <cstdint>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  livehub::fuzz::targets().front().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
