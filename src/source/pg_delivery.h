// From PostgreSQL's names and payloads to the hub: asks the rules, and holds the one message that
// the hub has no room for. one thread: the source's. Tests: tests/unit/source/postgres_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "source/pg_listen_plan.h"
#include "source/postgres.h"

namespace livehub::source {

class PgDelivery {
 public:
  PgDelivery(PostgresRules& rules, Inlet& inlet, PgListenPlan& plan)
      : rules_(rules), inlet_(inlet), plan_(plan) {}

  // The name whose payloads are canaries.
  void set_canary_name(std::string name) { canary_name_ = std::move(name); }
  const std::string& canary_name() const { return canary_name_; }
  bool is_holding() const { return is_holding_; }
  void retry();
  // Only while nothing is held.
  void deliver(std::string_view name, std::string_view payload);

 private:
  void offer();
  void note_bad(std::string_view name);

  PostgresRules& rules_;
  Inlet& inlet_;
  PgListenPlan& plan_;
  std::string canary_name_;
  std::string channel_;  // of `text_`
  std::string text_;     // what subscribers get; reused
  bool is_holding_ = false;
  uint64_t bad_count_ = 0;
  int64_t said_ms_ = 0;  // when the log last heard of bad ones; 0: never
};

}  // namespace livehub::source
