#include "base/heap_trim.h"

#include <malloc.h>
#include <mimalloc.h>

#pragma weak mi_collect
#pragma weak mi_option_set

namespace livehub::base {
namespace {

#if MI_MALLOC_VERSION >= 210
constexpr mi_option_t kDelay = mi_option_purge_delay;
#else
constexpr mi_option_t kDelay = mi_option_decommit_delay;
#endif

}  // namespace

void set_up_heap() {
  if (mi_option_set != nullptr) mi_option_set(kDelay, 0);
}

void trim_heap() {
  if (mi_collect != nullptr)
    mi_collect(true);
  else
    ::malloc_trim(0);
}

}  // namespace livehub::base
