// What the outbox makes of PostgreSQL's answers, whatever these hold: rows come out in their order,
// none behind the first that is withheld, and what is asked next are decimal numbers.
#include <string>
#include <utility>

#include "fuzz.h"
#include "source/pg_outbox.h"

namespace livehub::source {
namespace {

struct Rows {
  std::vector<std::vector<std::string>> cells;
  std::vector<bool> is_withheld;
};

PgRows result_of(const Rows& rows, int columns) {
  PgRows made(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK));
  std::vector<PGresAttDesc> names(static_cast<size_t>(columns));
  char name[] = "c";
  for (PGresAttDesc& one : names) one = {name, 0, 0, 0, 25, -1, -1};
  MUST(PQsetResultAttrs(made.get(), columns, names.data()) != 0, "libpq makes a result");
  for (size_t row = 0; row < rows.cells.size(); ++row)
    for (size_t column = 0; column < static_cast<size_t>(columns); ++column) {
      std::string cell = column < rows.cells[row].size() ? rows.cells[row][column] : "";
      const bool is_null = column == 3 && rows.is_withheld[row];
      PQsetvalue(made.get(), static_cast<int>(row), static_cast<int>(column), cell.data(),
                 is_null ? -1 : static_cast<int>(cell.size()));
    }
  return made;
}

bool is_decimal(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

FUZZ_TARGET(outbox) {
  PgOutbox outbox(60);
  fuzz::Input script(input);
  int64_t now = 1000;
  while (!script.empty()) {
    Rows rows;
    fuzz::Input block(script.until('\n'));
    while (!block.empty()) {
      std::vector<std::string> cells;
      fuzz::Input line(block.until(';'));
      rows.is_withheld.push_back((line.byte() & 1) != 0);
      while (!line.empty()) cells.emplace_back(line.until(','));
      rows.cells.push_back(std::move(cells));
    }
    now += 1000;
    const auto start = outbox.start(result_of(rows, rows.cells.size() == 1 ? 2 : 5).get(), now);
    MUST((start == PgOutbox::Start::kNoTable) || outbox.is_started(), "a start is a start");
    MUST(!outbox.row() && !outbox.has_more() && !outbox.withholds(), "it begins without rows");

    outbox.take(result_of(rows, 5), now);
    size_t count = 0;
    for (; outbox.row(); outbox.next(), ++count) {
      MUST(count < rows.cells.size() && !rows.is_withheld[count], "only rows that may go out");
      const auto cell = [&](size_t column) {
        return column < rows.cells[count].size() ? rows.cells[count][column] : "";
      };
      MUST(outbox.row()->channel == cell(2) && outbox.row()->payload == cell(3), "row by row");
    }
    const bool is_all = count == rows.cells.size();
    MUST(is_all || rows.is_withheld[count], "all rows up to the first that is withheld");
    MUST(outbox.withholds() == !is_all, "and who waits knows");
    MUST(!outbox.has_more() || !outbox.withholds(), "no haste while rows wait for others");
    for (const std::string& text : outbox.read_arguments())
      MUST(is_decimal(text), "what is asked next are numbers");
  }
}

}  // namespace
}  // namespace livehub::source
