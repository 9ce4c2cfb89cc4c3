// Where a PostgreSQL server is: the URL of a setting as libpq's keywords. immutable.
// Tests: tests/unit/source/pg_url_test.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace livehub::source {

struct PgAddress {
  std::vector<std::pair<std::string, std::string>> keywords;  // as PQconnectStartParams takes them
  std::vector<std::string> ignored;  // names of parameters that libpq does not know
};

// A postgres:// URL, or libpq's key=value form. Parameters of other drivers (schema, pgbouncer,
// connection_limit …) are passed over; ssl=… means sslmode=…. `error`: a sentence that begins with
// `setting` and holds nothing of the URL but, for a pooled host, the host.
[[nodiscard]] std::optional<PgAddress> parse_pg_address(std::string_view url,
                                                        std::string_view setting,
                                                        std::string& error);

// The direct host beside a pooled one as Neon names them ("ep-x-pooler.y" is "ep-x.y"); empty if
// the host is not such a one.
[[nodiscard]] std::string pg_direct_host(std::string_view host);

// LISTEN's and NOTIFY's names: whether PostgreSQL takes one unchanged, and its quoted form.
[[nodiscard]] bool pg_name_fits(std::string_view name);
[[nodiscard]] std::string pg_quote_name(std::string_view name);

}  // namespace livehub::source
