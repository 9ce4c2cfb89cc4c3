// A server in a comparison, as the command line names it. Pure. Tests: bench/load/load_test.cc.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace livehub::bench {

struct NamedTarget {
  std::string name;
  std::string subscribe_url;
  std::string push_url;  // empty: nothing is pushed to it
  pid_t pid = 0;
};

// Reads "name,subscribe URL,push URL,pid". Throws std::runtime_error with a sentence that quotes
// the text.
NamedTarget parse_named_target(std::string_view text);

}  // namespace livehub::bench
