#include "source/pg_outbox.h"

#include <charconv>

#include "base/check.h"

namespace livehub::source {
namespace {

constexpr int kReadRows = 500;

uint64_t number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

const std::string& PgOutbox::start_sql() {
  static const std::string kSql =
      "SELECT to_regclass('livehub_outbox') IS NOT NULL,"
      " pg_snapshot_xmin(pg_current_snapshot())::text";
  return kSql;
}

PgOutbox::Start PgOutbox::start(const PGresult* answer, int64_t now_ms) {
  rows_.reset();
  next_row_ = ready_rows_ = 0;
  has_more_ = withholds_ = false;
  if (PQntuples(answer) != 1 || PQnfields(answer) != 2) return Start::kNoTable;
  if (std::string_view(PQgetvalue(answer, 0, 0)) != "t") return Start::kNoTable;
  const uint64_t horizon = number(PQgetvalue(answer, 0, 1));
  // What we have read was below the horizon of then, so a lower one is another server's.
  const bool is_other_server = is_started_ && horizon < xid_;
  const bool is_too_late = is_started_ && now_ms - read_ms_ > keep_seconds_ * 1000;
  if (!is_started_ || is_other_server) {
    xid_ = horizon;
    id_ = 0;
  }
  is_started_ = true;
  read_ms_ = now_ms;
  return is_other_server || is_too_late ? Start::kGap : Start::kOk;
}

// All in one statement, so that rows and horizon are of one snapshot. At most about 4 MB at once:
// octet_length() knows the size of a large payload without reading it.
const std::string& PgOutbox::read_sql() {
  static const std::string kSql =
      "WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin),"
      " next_rows AS (SELECT xid, id, channel, payload FROM livehub_outbox"
      "  WHERE (xid, id) > ($1::xid8, $2::bigint) ORDER BY xid, id LIMIT " +
      std::to_string(kReadRows) +
      "),"
      " sized AS (SELECT *, sum(octet_length(payload)) OVER (ORDER BY xid, id)"
      "  - octet_length(payload) AS bytes_before FROM next_rows)"
      " SELECT xid::text, id::text, channel, CASE WHEN xid < xmin THEN payload END,"
      "  (SELECT count(*) FROM next_rows)::text"
      " FROM sized, horizon WHERE bytes_before < 4194304 ORDER BY sized.xid, sized.id";
  return kSql;
}

std::vector<std::string> PgOutbox::read_arguments() const {
  return {std::to_string(xid_), std::to_string(id_)};
}

void PgOutbox::take(PgRows answer, int64_t now_ms) {
  LIVEHUB_CHECK(!row(), "rows are taken when those before them have gone out");
  rows_ = std::move(answer);
  read_ms_ = now_ms;
  next_row_ = ready_rows_ = 0;
  has_more_ = withholds_ = false;
  const int count = PQntuples(rows_.get());
  if (count == 0) return;
  // Ordered by transaction: those below the horizon come first.
  while (ready_rows_ < count && !PQgetisnull(rows_.get(), ready_rows_, 3)) ++ready_rows_;
  withholds_ = ready_rows_ < count;
  const uint64_t found = number(PQgetvalue(rows_.get(), 0, 4));
  has_more_ = !withholds_ && (static_cast<uint64_t>(count) < found || found == kReadRows);
}

std::string_view PgOutbox::value(int column) const {
  return {PQgetvalue(rows_.get(), next_row_, column),
          static_cast<size_t>(PQgetlength(rows_.get(), next_row_, column))};
}

std::optional<PgOutbox::Row> PgOutbox::row() const {
  if (next_row_ >= ready_rows_) return std::nullopt;
  return Row{value(2), value(3)};
}

void PgOutbox::next() {
  xid_ = number(value(0));
  id_ = number(value(1));
  ++next_row_;
}

const std::string& PgOutbox::purge_sql() {
  static const std::string kSql =
      "DELETE FROM livehub_outbox WHERE (xid, id) IN (SELECT xid, id FROM livehub_outbox"
      " WHERE created < clock_timestamp() - $1::bigint * interval '1 second'"
      " AND (xid, id) <= ($2::xid8, $3::bigint) ORDER BY created LIMIT " +
      std::to_string(kPurgeRows) + " FOR UPDATE SKIP LOCKED)";
  return kSql;
}

std::vector<std::string> PgOutbox::purge_arguments() const {
  return {std::to_string(keep_seconds_), std::to_string(xid_), std::to_string(id_)};
}

}  // namespace livehub::source
