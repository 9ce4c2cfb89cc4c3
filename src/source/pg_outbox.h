// The outbox table (pg_setup.h) as its reader sees it: where we stand, what to ask next, the rows
// that came. No I/O. Rows are ordered by (transaction, id); one is read only when no transaction
// before it can still commit, since identity columns are not in commit order. one thread: the
// source's. Tests: tests/unit/source/postgres_outbox_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/pg_link.h"

namespace livehub::source {

inline constexpr std::string_view kPgOutboxName = "livehub_outbox";  // the table, and what wakes us

class PgOutbox {
 public:
  explicit PgOutbox(int64_t keep_seconds) : keep_seconds_(keep_seconds) {}

  // --- at the beginning of a connection ---
  [[nodiscard]] static const std::string& start_sql();
  enum class Start : uint8_t {
    kOk,
    kGap,      // rows may be gone that we have not read; we go on from here
    kNoTable,  // pg-setup was not applied
  };
  [[nodiscard]] Start start(const PGresult* answer, int64_t now_ms);
  bool is_started() const { return is_started_; }  // once in this process: we know where we stand

  // --- reading ---
  [[nodiscard]] static const std::string& read_sql();
  [[nodiscard]] std::vector<std::string> read_arguments() const;
  void take(PgRows answer, int64_t now_ms);
  struct Row {
    std::string_view channel;
    std::string_view payload;
  };
  // The next one that may go out; next() says that it did.
  [[nodiscard]] std::optional<Row> row() const;
  void next();
  bool has_more() const { return has_more_; }    // ask again at once
  bool withholds() const { return withholds_; }  // rows wait for older transactions: ask again soon

  // --- cleaning up: rows that are old, and read by us ---
  [[nodiscard]] static const std::string& purge_sql();
  [[nodiscard]] std::vector<std::string> purge_arguments() const;
  static constexpr int kPurgeRows = 1000;  // deleted at once

 private:
  std::string_view value(int column) const;

  const int64_t keep_seconds_;
  uint64_t xid_ = 0;  // of the last row that went out, or where we began
  uint64_t id_ = 0;
  int64_t read_ms_ = 0;  // when we had last asked
  bool is_started_ = false;
  PgRows rows_;
  int next_row_ = 0;
  int ready_rows_ = 0;  // the first so many of them may go out
  bool has_more_ = false;
  bool withholds_ = false;
};

}  // namespace livehub::source
