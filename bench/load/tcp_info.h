// How many pieces a server's bytes came in: a send() of its own is a segment of its own, unless the
// kernel had to put it behind others. Tests: bench/load/load_test.cc.
#pragma once

#include <cstdint>

namespace livehub::bench {

// Segments with data that the socket has received since it was opened; 0 if the kernel does not
// say.
uint64_t data_segments_received(int fd);

}  // namespace livehub::bench
