// Who changes rows, and clients of the pg-updates profile who are told. A client may miss what came
// while the link to the database was down, and then it is told so (what came right behind the new
// LISTEN may be ahead of that): a hole without a word, a change twice, behind a later one or of
// another user is a failure. One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frame_client.h"

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

class PgClient final : public FrameClient {
 public:
  static constexpr std::string_view kJwtSecret = "the-secret-of-the-web-app";

  PgClient(Scene& scene, const PgRows& rows, std::string name, std::string user);

  // Authenticated, and either it has the newest or it was told that something is missing.
  bool is_settled() const override;
  bool has_newest() const { return is_open() && newest_ == rows_.newest_of(user_); }
  std::string whereabouts() const override;
  uint64_t told() const { return told_; }
  uint64_t gaps() const { return gaps_; }

 private:
  std::string target() override { return "/ws?userId=" + user_; }
  std::string headers() const override { return "Origin: http://localhost:3000\r\n"; }
  void on_frame(const std::string& type, const nlohmann::json& frame,
                std::string_view text) override;
  bool is_drain(const wire::WsEvent& close) const override { return close.close_code == 1012; }
  bool is_excused(const wire::WsEvent& close) const override;
  void forget() override;
  void act_freely() override;

  void on_authenticated(const nlohmann::json& frame);
  void on_change(uint64_t number);
  void authenticate();

  const PgRows& rows_;
  const std::string user_;
  uint64_t due_ = 0;       // the number of the first change that it must hear of
  uint64_t newest_ = 0;    // told
  bool may_miss_ = false;  // since the newest: it was told of a gap
  bool owes_gap_ = false;  // there was a hole, and it was not told yet
  uint64_t answers_owed_ = 0;
  uint64_t told_ = 0, gaps_ = 0;
};

}  // namespace livehub::sim
