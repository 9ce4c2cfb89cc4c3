// The SQL behind `livehub pg-setup`: the table livehub_outbox, livehub_publish(), and a trigger
// function for any table. startup: it blocks. Tests: tests/unit/source/postgres_outbox_test.cc.
#pragma once

#include <string>
#include <string_view>

namespace livehub::source {

// For psql, or for people to read; safe to apply again.
[[nodiscard]] std::string_view pg_setup_sql();

// Applies it, all or nothing. Empty, or one sentence without secrets.
[[nodiscard]] std::string apply_pg_setup(std::string_view url, std::string_view setting);

}  // namespace livehub::source
