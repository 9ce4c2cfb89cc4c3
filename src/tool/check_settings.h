// The doctor's look at the settings: the profile's own, who may push, brokers, and the Fly file.
// Tests: tests/integration/tools_check.test.mjs, tests/unit/tool/check_test.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/settings.h"
#include "tool/command.h"
#include "tool/finding.h"

namespace livehub::tool {

// A broker or backend by its setting's name; the URL's password stays here.
struct Peer {
  std::string setting;  // "REDIS_URL"
  std::string host;
  std::string port;
  bool is_tls = false;  // from the first byte on
};

// Of a URL as the settings have them (redis, rediss, nats, tls, postgres, http ...), each of a
// list; those that are no URL are left out.
[[nodiscard]] std::vector<Peer> peers_of(const std::string& setting, const std::string& urls);

// Beyond it profile pg-updates should read the outbox: PostgreSQL's cost of listening to each
// user's names grows with their square.
inline constexpr int64_t kUsersListenedToMax = 2000;

void judge_settings(const server::Settings& settings, Findings& findings);
// Of profile pg-updates without the outbox: how many users there are or may be, by `said`.
void judge_users(const server::Settings& settings, int64_t users, const std::string& said,
                 Findings& findings);
// Connects to every peer that the settings name.
void judge_peers(const server::Settings& settings, double seconds, Findings& findings);
// How many Machines of this app there are; `name_server` "ADDRESS:PORT" or empty.
void judge_machines(const server::Settings& settings, const std::string& name_server,
                    Findings& findings);
// What a fly.toml says against what the settings say, those in its [env] over them.
void judge_fly_file(const std::string& path, const Invocation& invocation, Findings& findings);

}  // namespace livehub::tool
