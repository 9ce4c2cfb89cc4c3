// livehub pg-setup: the outbox of PostgreSQL, as SQL or applied.
#include "source/pg_setup.h"

#include <array>
#include <cstdio>

#include "tool/commands.h"
#include "tool/secret.h"

namespace livehub::tool {
namespace {

int run_pg_setup(const Invocation& invocation) {
  if (!invocation.has("--apply")) {
    const std::string_view sql = source::pg_setup_sql();
    std::fwrite(sql.data(), 1, sql.size(), stdout);
    return std::fflush(stdout) == 0 ? kExitOk : kExitFailed;
  }
  const Secret url = read_secret(invocation, "DATABASE_URL");
  if (!url.error.empty()) return usage_error("pg-setup", url.error);
  if (url.text.empty())
    return usage_error("pg-setup", "--apply needs DATABASE_URL (or DATABASE_URL_FILE).");
  const std::string error = source::apply_pg_setup(url.text, "DATABASE_URL");
  if (error.empty()) return kExitOk;
  complain(error);
  return kExitFailed;
}

constexpr std::array kOptions = {
    Option{.name = "--apply", .help = "Run it on DATABASE_URL instead of printing it."},
};

constexpr std::string_view kAbout = R"(
Prints the SQL that makes the outbox table and its functions, which PG_OUTBOX=1 reads. It may be
applied again: what is there already stays.

Examples
  livehub pg-setup | psql "$DATABASE_URL"
  DATABASE_URL_FILE=/run/secrets/database livehub pg-setup --apply

Exit codes: 0 done; 1 the database refused it; 2 not understood
)";

}  // namespace

const Command kPgSetup = {.name = "pg-setup",
                          .summary = "Print or apply the outbox for profile pg-updates.",
                          .about = kAbout,
                          .options = kOptions,
                          .run = run_pg_setup};

}  // namespace livehub::tool
