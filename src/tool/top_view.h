// The terminal view of /debug/overview (docs/ADMIN_API.md). Pure.
// Tests: tests/unit/tool/top_view_test.cc, tests/integration/tools_admin.test.mjs.
#pragma once

#include <string>
#include <string_view>

namespace livehub::tool {

struct Screen {
  size_t columns = 100;
  size_t rows = 40;
  bool has_colors = false;
};

// At most so many rows, none wider than the screen, without control characters of what is shown.
// `overview` is the object as JSON; a sentence where it is none.
[[nodiscard]] std::string render_top(std::string_view overview, const Screen& screen);

}  // namespace livehub::tool
