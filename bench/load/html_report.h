// A report as one page that opens without a network: the table, and plots of what went on. Pure.
// Tests: bench/load/report_test.cc.
#pragma once

#include <string>

namespace livehub::bench {

class Report;

std::string html_of(const Report& report);

}  // namespace livehub::bench
