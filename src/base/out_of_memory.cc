#include "base/out_of_memory.h"

#include <cstdio>
#include <cstdlib>
#include <new>

namespace livehub::base {

void end_out_of_memory() noexcept {
  std::fputs(
      "livehub: out of memory: the machine or the container gave no more; a smaller MEMORY_BYTES "
      "refuses connections before that\n",
      stderr);
  std::_Exit(kExitOutOfMemory);
}

void end_where_memory_is_out() { std::set_new_handler(end_out_of_memory); }

}  // namespace livehub::base
