// Charts from text, for scripts that measure more than one run: livehub-bench plot.
//
//   title CPU per delivery       Once each: what it shows, what the axes count.
//   x subscribers
//   y us
//   log x                        Or y: a logarithmic axis.
//   series uring                 The points that follow are its own.
//   1000 3.1
//
// Pure. Tests: bench/load/report_test.cc.
#pragma once

#include <istream>

#include "load/svg_chart.h"

namespace livehub::bench {

// Throws std::runtime_error with a sentence that quotes the line that it cannot read.
Chart read_chart(std::istream& in);

}  // namespace livehub::bench
