// Runs the Autobahn cases against the echo endpoint of a running server.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "autobahn_cases.h"

namespace livehub::conformance {

struct AutobahnOptions {
  uint16_t port = 0;
  std::string path = "/echo";
  uint32_t rounds_max = UINT32_MAX;
  bool has_deflate = false;  // the server agrees to compression where it can
  std::chrono::milliseconds patience{30'000};
  // Between two chunks. Too short a pause cannot fail a case: it only joins what was to be apart.
  std::chrono::milliseconds pause{50};
};

// As the suite counts: kNonStrict is an outcome that it lets pass, kUnclean a connection that did
// not end with a close frame and a FIN.
enum class Verdict : uint8_t { kOk, kNonStrict, kFailed, kUnclean };

struct AutobahnResult {
  Verdict verdict = Verdict::kOk;
  std::string detail;  // what was expected and what came; empty when all is well
};

// One case on a connection of its own. Any thread.
AutobahnResult run_autobahn_case(const Case& test, const AutobahnOptions& options);

}  // namespace livehub::conformance
