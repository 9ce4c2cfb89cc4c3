// The end where memory is out. There is no going on: who asked for it holds a half-made change, and
// the kernel will give the next one nothing either. So the process says so and ends, as everything
// else of its kind is decided at the start; the budget (MEMORY_BYTES) is there to stay away from
// it. Any thread. Tests: tests/integration/faults.test.mjs.
#pragma once

namespace livehub::base {

inline constexpr int kExitOutOfMemory = 3;

// Ends the process with a sentence. Allocates nothing.
[[noreturn]] void end_out_of_memory() noexcept;

// From here on an allocation that fails ends so. Startup; for programs, not for who embeds the
// engine.
void end_where_memory_is_out();

}  // namespace livehub::base
