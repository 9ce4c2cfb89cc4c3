#include "base/heap_trim.h"

#include <malloc.h>
#include <mimalloc.h>

#include <cstdlib>

#pragma weak mi_collect
#pragma weak mi_option_get
#pragma weak mi_option_set

namespace livehub::base {
namespace {

#if MI_MALLOC_VERSION >= 210
constexpr mi_option_t kDelay = mi_option_purge_delay;
#else
constexpr mi_option_t kDelay = mi_option_decommit_delay;
#endif

constexpr size_t kBlockBytes = 256 << 10;

}  // namespace

void trim_heap() {
  if (mi_collect == nullptr || mi_option_set == nullptr || mi_option_get == nullptr) {
    ::malloc_trim(0);
    return;
  }
  // Freed pages wait for a while before they go back, and then for the next page to be taken or
  // freed beside them: once it is quiet, none is. Without any delay each large message would cost
  // its page faults, so the delay is only left out here, and a block taken that needs pages.
  const long delay = mi_option_get(kDelay);
  mi_option_set(kDelay, 0);
  mi_collect(true);
  mi_option_set(kDelay, delay);
  // tidy: volatile: else the compiler leaves both calls out
  void* volatile block = ::malloc(kBlockBytes);
  ::free(block);
}

}  // namespace livehub::base
