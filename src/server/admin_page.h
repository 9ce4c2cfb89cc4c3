// The files of the admin page, embedded at build (cmake/embed.cmake), and the headers they are
// served with: a content security policy without inline script or style, and no request to anywhere
// but this listener and the hub that is looked at. immutable. Tests:
// tests/unit/server/admin_page_test.cc, tests/integration/page.test.mjs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "livehub/profile.h"

namespace livehub::server {

struct PageFile {
  std::string_view name;  // "page.css"
  std::string_view bytes;
  std::string_view tag;  // with its quotes
};

[[nodiscard]] std::span<const PageFile> page_files();

// The hub that the page talks to: `asked` (an origin, from ?hub=) if it is one, else `known`, else
// the host by which the page itself was reached, with the hub's port.
[[nodiscard]] std::string hub_origin(std::string_view asked, std::string_view known,
                                     std::string_view host, uint16_t port);

// `hub` as from hub_origin(); empty: none.
[[nodiscard]] std::string content_security_policy(std::string_view hub);

// The file of that name with its headers, 304 if the browser has it (never for a document); nothing
// if there is none.
[[nodiscard]] std::optional<Reply> page_reply(const Request& request, std::string_view name,
                                              std::string_view policy);

}  // namespace livehub::server
