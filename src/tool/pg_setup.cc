// livehub pg-setup: the outbox table and its triggers, printed or applied.
#include "source/pg_setup.h"

#include <array>

#include "tool/commands.h"
#include "tool/printer.h"
#include "tool/secret.h"

namespace livehub::tool {
namespace {

int run_pg_setup(const Invocation& invocation) {
  if (!invocation.has("--apply"))
    return print_line(without_line_end(source::pg_setup_sql())) ? kExitOk : kExitFailed;
  const Secret url = read_secret(invocation, "DATABASE_URL");
  if (!url.error.empty() || url.text.empty()) {
    complain("pg-setup: " + (url.error.empty() ? "DATABASE_URL is not set." : url.error));
    return kExitFailed;
  }
  const std::string error = source::apply_pg_setup(url.text, "DATABASE_URL");
  if (!error.empty()) {
    complain("pg-setup: " + error);
    return kExitFailed;
  }
  (void)print_line("livehub_outbox and its functions are there; start livehub with PG_OUTBOX=1.");
  return kExitOk;
}

constexpr std::array kOptions = {
    Option{.name = "--apply", .help = "Run it in the database of DATABASE_URL; all or nothing."},
};

}  // namespace

const Command kPgSetup = {
    .name = "pg-setup",
    .summary = "Print the SQL for an outbox in PostgreSQL, or apply it.",
    .about =
        "With it, and PG_OUTBOX=1, profile pg-updates needs one LISTEN for all users, sends\n"
        "rows of any size, and misses none while it is away. Safe to apply again.\n",
    .options = kOptions,
    .run = run_pg_setup};

}  // namespace livehub::tool
