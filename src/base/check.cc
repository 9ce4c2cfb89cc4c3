#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace livehub::base {

void check_failed(const char* expression, const char* file, int line, const char* sentence) {
  std::fprintf(stderr, "livehub: internal error at %s:%d: %s (%s)\n", file, line, sentence,
               expression);
  std::abort();
}

}  // namespace livehub::base
