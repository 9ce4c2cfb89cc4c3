// Assertions for our own mistakes only (a peer's mistake is never one). They stay on in release
// builds where they are O(1): a broken invariant must stop the program with a sentence, not lose
// messages.
#pragma once

namespace livehub::base {

[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               const char* sentence);

}  // namespace livehub::base

// LIVEHUB_CHECK(condition, "sentence that says which promise is broken")
#define LIVEHUB_CHECK(condition, sentence)                                     \
  do {                                                                         \
    if (!(condition)) [[unlikely]]                                             \
      ::livehub::base::check_failed(#condition, __FILE__, __LINE__, sentence); \
  } while (false)

// The same, only in debug builds: for checks that cost more than a few instructions.
#ifdef NDEBUG
#define LIVEHUB_DCHECK(condition, sentence) \
  do {                                      \
  } while (false)
#else
#define LIVEHUB_DCHECK(condition, sentence) LIVEHUB_CHECK(condition, sentence)
#endif
