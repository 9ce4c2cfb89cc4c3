// Where the admin port of these settings is, and the token for it. startup.
// Tests: tests/integration/tools.test.mjs, tools_admin.test.mjs.
#pragma once

#include <string>
#include <vector>

#include "server/settings.h"
#include "tool/command.h"
#include "tool/http.h"

namespace livehub::tool {

// "http://127.0.0.1:9091"; empty where the settings name no fixed admin port.
[[nodiscard]] std::string admin_origin(const server::Settings& settings);
// An address to listen on as one to connect to.
[[nodiscard]] std::string loopback_of(const std::string& host);

struct AdminTarget {
  Url url;                           // of `path`
  std::vector<std::string> headers;  // with ADMIN_TOKEN, if it is set
  std::string error;                 // not empty: a sentence
};

// From --url, or from the settings as serve has them.
[[nodiscard]] AdminTarget admin_target(const Invocation& invocation, const std::string& path);

}  // namespace livehub::tool
