// Who changes rows, and clients of the pg-updates profile who are told. A client may miss what came
// while the link to the database was down, and then it is told so (what came right behind the new
// LISTEN may be ahead of that): a hole without a word, a change twice, behind a later one or of
// another user is a failure. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "client.h"
#include "stream_parser.h"
#include "wire/ws_reader.h"

namespace livehub::sim {

// The changes of each user's rows, numbered from 1.
class PgRows {
 public:
  explicit PgRows(Scene& scene) : scene_(scene) {}

  uint64_t change(const std::string& user);
  uint64_t newest_of(const std::string& user) const;
  // The number of the first one that was made after that step.
  uint64_t first_after(const std::string& user, uint64_t step) const;
  uint64_t changes() const { return changes_; }

 private:
  Scene& scene_;
  std::map<std::string, std::vector<uint64_t>> steps_;  // of each change
  uint64_t changes_ = 0;
};

class PgClient final : public Client {
 public:
  static constexpr std::string_view kJwtSecret = "the-secret-of-the-web-app";

  PgClient(Scene& scene, const PgRows& rows, std::string name, std::string user);

  // Authenticated, and either it has the newest or it was told that something is missing.
  bool is_settled() const override;
  bool is_open() const { return phase_ == Phase::kOpen; }
  void leave() override;
  bool has_newest() const { return is_open() && newest_ == rows_.newest_of(user_); }
  std::string whereabouts() const override;
  uint64_t told() const { return told_; }
  uint64_t gaps() const { return gaps_; }

 private:
  enum class Phase : uint8_t { kNone, kHead, kAsked, kOpen, kRefused, kClosing };

  void on_connected() override;
  void on_bytes(std::string bytes) override;
  void on_end(bool is_orderly) override;
  void on_cut() override { forget(); }
  void act_freely() override;

  void forget();
  void on_head(const ResponseHead& head);
  void take_frames();
  bool on_ws_event(const wire::WsEvent& event);
  void on_text(std::string_view text);
  void on_change(uint64_t number);
  void authenticate();
  void send_ws(wire::WsOpcode opcode, std::string_view payload);

  const PgRows& rows_;
  const std::string user_;
  Phase phase_ = Phase::kNone;
  std::string in_;
  wire::WsReader ws_{wire::WsRole::kClient};
  uint64_t due_ = 0;       // the number of the first change that it must hear of
  uint64_t newest_ = 0;    // told
  bool may_miss_ = false;  // since the newest: it was told of a gap
  bool owes_gap_ = false;  // there was a hole, and it was not told yet
  uint64_t answers_owed_ = 0;
  uint64_t told_ = 0, gaps_ = 0;
};

}  // namespace livehub::sim
