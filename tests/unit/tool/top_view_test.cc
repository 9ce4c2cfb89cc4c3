#include "tool/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace livehub::tool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// As docs/ADMIN_API.md has it.
constexpr std::string_view kOverview = R"({
  "at_ms": 1763735000123, "version": "0.1.0", "profile": "live-data", "io": "io_uring: fine",
  "port": 8787, "uptime_seconds": 311.2, "is_draining": false, "ready": false,
  "wrong": ["redis: gone"], "shards_missing": 0,
  "connections": {"sse": 200, "websocket": 1000, "sockets": 301, "sockets_max": 20000},
  "rates": {"accepts": 1.5, "ends": 0, "publishes": 10, "messages": 10, "deliveries": 3000,
            "sends": 3000, "bytes_in": 900, "bytes_out": 640000, "drops": 0, "gaps": 2,
            "auth_failures": 0},
  "loop_ms": {"p50": 0.02, "p99": 0.3, "max": 0.4}, "delivery_ms": {"p50": 0.2, "p99": 1.1},
  "memory": {"used_bytes": 5242880, "budget_bytes": 1073741824, "resident_bytes": 31457280},
  "shards": [{"shard": 0, "sse": 100, "busy": 0.04, "loop_ms": {"p99": 0.3}}, {"shard": 1}],
  "links": [{"name": "redis", "is_up": false, "state_seconds": 12, "problem": "gone"}],
  "busiest": [{"channel": "li\u001bve", "shard": 1, "messages": 10, "bytes": 2400,
               "subscribers": 300}],
  "ended": [{"at_ms": 1763734999123, "kind": "sse", "code": 1006, "cause": "client left",
             "reason": "", "address": "192.0.2.7", "age_seconds": 3700}]
})";

TEST(TopView, ShowsWhatThereIs) {
  const std::string text = render_top(kOverview, {});  // 100 columns
  for (const char* part : {"livehub 0.1.0  live-data  port 8787  up 5m 11s",
                           "NOT READY: redis: gone", "SSE 200", "WebSocket 1,000", "301 of 20,000",
                           "deliveries 3,000/s", "out 625 KB/s", "gaps 2/s", "5.0 MB of 1.0 GB",
                           "redis DOWN 12s", "    -        sse", "client left  192.0.2.7", "1h 1m"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("li?ve"));
}

TEST(TopView, FitsTheScreen) {
  for (const Screen screen :
       {Screen{40, 5, false}, Screen{10, 100, false}, Screen{80, 12, false}}) {
    std::istringstream lines(render_top(kOverview, screen));
    std::string line;
    size_t count = 0;
    for (; std::getline(lines, line); ++count) EXPECT_LE(line.size(), screen.columns) << line;
    EXPECT_LE(count, screen.rows);
    EXPECT_GE(count, 5U);
  }
}

TEST(TopView, ColorsOnlyWhereTheyAreWanted) {
  EXPECT_THAT(render_top(kOverview, {100, 40, true}), HasSubstr("\x1b[31mNOT READY"));
}

TEST(TopView, OddAnswersAreNoMistake) {
  EXPECT_THAT(render_top("nothing", {}), HasSubstr("not what docs/ADMIN_API.md says"));
  EXPECT_THAT(render_top("[]", {}), HasSubstr("not what"));
  EXPECT_THAT(render_top(R"({"shards":3,"rates":[],"wrong":[1],"links":[2]})", {}),
              HasSubstr("livehub"));
}

}  // namespace
}  // namespace livehub::tool
