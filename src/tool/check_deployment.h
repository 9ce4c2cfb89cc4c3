// The checklist after a deploy, against a server that runs somewhere.
// Tests: tests/integration/tools_check.test.mjs.
#pragma once

#include <string>

#include "tool/command.h"
#include "tool/finding.h"

namespace livehub::tool {

// Asks the deployment at `url`; what is wrong with the command line comes back as a sentence.
[[nodiscard]] std::string judge_deployment(const std::string& url, const std::string& profile,
                                           const Invocation& invocation, Findings& findings);

}  // namespace livehub::tool
