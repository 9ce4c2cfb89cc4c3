// The heap gives back what it holds in vain: after a rush of newcomers it keeps what their requests
// needed, for long or for ever. mimalloc's, in the program; tests and sanitizers run on the C
// library's.
#pragma once

namespace livehub::base {

// Gives back what this thread's heap holds. Any thread; takes about a millisecond, so only when
// there is nothing else to do.
void trim_heap();

}  // namespace livehub::base
