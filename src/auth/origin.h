// The list of origins that may connect from a browser (RFC 6454). Immutable once parsed.
// Tests: tests/unit/auth/origin_test.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::auth {

class OriginList {
 public:
  // Origins separated by commas, spaces around them ignored, each in the form
  // scheme://host[:port]; an entry "*" allows every origin. Entries are brought to the form in
  // which browsers send them: lower case, no default port of http(s) and ws(s). What could never
  // match (a path, a trailing slash, a wildcard inside, "null") is refused with a sentence.
  [[nodiscard]] static std::optional<OriginList> parse(std::string_view comma_list,
                                                       std::string& error);

  // Whether the list holds "*"; where cookies authenticate, a caller must refuse that.
  [[nodiscard]] bool any() const { return any_; }

  // An exact comparison with an Origin header's value; never true for a missing (empty) one unless
  // any().
  [[nodiscard]] bool allows(std::string_view origin) const;

  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }

 private:
  bool any_ = false;
  std::vector<std::string> entries_;
};

}  // namespace livehub::auth
