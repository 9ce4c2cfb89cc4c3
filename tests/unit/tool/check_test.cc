#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tool/check_machine.h"
#include "tool/check_settings.h"
#include "tool/finding.h"

namespace livehub::tool {
namespace {

using ::testing::HasSubstr;
using Level = Finding::Level;

MachineFacts good_machine() {
  MachineFacts facts;
  facts.kernel = "Linux 6.1";
  facts.has_uring = facts.has_direct_descriptors = true;
  facts.descriptors = 100'000;
  facts.somaxconn = 4096;
  facts.tcp_memory_bytes = uint64_t{1} << 30;
  facts.cores = 2;
  facts.memory_bytes = uint64_t{4} << 30;
  return facts;
}

Finding finding(const MachineFacts& facts, const std::string& subject,
                const server::Settings& settings = {}) {
  Findings findings;
  judge_machine(facts, settings, findings);
  for (const Finding& one : findings.list())
    if (one.subject == subject) return one;
  return {};
}

TEST(Check, AGoodMachineIsWell) {
  Findings findings;
  judge_machine(good_machine(), {}, findings);
  EXPECT_EQ(findings.count(Level::kError) + findings.count(Level::kWarning), 0U)
      << findings.text(false);
  EXPECT_GE(findings.count(Level::kOk), 6U);
}

TEST(Check, EachFaultOfAMachineSaysWhatToChange) {
  const auto judged = [](auto&& spoil, const std::string& subject) {
    MachineFacts facts = good_machine();
    spoil(facts);
    const Finding found = finding(facts, subject);
    EXPECT_NE(found.level, Level::kOk) << subject;
    EXPECT_FALSE(found.change.empty()) << subject;
    return found.level;
  };
  EXPECT_EQ(judged([](auto& f) { f.has_uring = false; }, "io_uring"), Level::kNote);
  EXPECT_EQ(judged([](auto& f) { f.descriptors = 1024; }, "descriptors"), Level::kWarning);
  EXPECT_EQ(judged([](auto& f) { f.somaxconn = 128; }, "somaxconn"), Level::kWarning);
  EXPECT_EQ(judged([](auto& f) { f.tcp_memory_bytes = 1 << 20; }, "tcp_mem"), Level::kWarning);
  EXPECT_EQ(judged([](auto& f) { f.cpu_quota = 0.5; }, "CPU"), Level::kWarning);
  EXPECT_EQ(judged([](auto& f) { f.memory_bytes = 32 << 20; }, "memory"), Level::kWarning);
  EXPECT_EQ(judged([](auto& f) { f.has_ipv6 = false; }, "IPv6"), Level::kNote);
}

TEST(Check, WhatTheSettingsAskForMustBeThere) {
  MachineFacts facts = good_machine();
  facts.has_uring = false;
  server::Settings settings;
  settings.engine.io = "uring";
  EXPECT_EQ(finding(facts, "io_uring", settings).level, Level::kError);
  settings.engine.memory_bytes = uint64_t{5} << 30;
  EXPECT_EQ(finding(facts, "memory", settings).level, Level::kError);
}

TEST(Check, RoomIsWhatDescriptorsAllow) {
  MachineFacts facts = good_machine();
  EngineOptions engine;
  engine.shards = 2;
  EXPECT_EQ(connection_room(facts, engine), 200'000U);
  engine.io = "epoll";
  EXPECT_EQ(connection_room(facts, engine), (100'000U - 64 - 8) / 2 * 2);
  engine.sockets_per_shard_max = 10;
  EXPECT_EQ(connection_room(facts, engine), 20U);
}

Level drain_level(double drain, double kill) {
  Findings findings;
  judge_drain(drain, kill, "it", findings);
  return findings.list().at(0).level;
}

TEST(Check, TheDrainMustEndBeforeTheKill) {
  EXPECT_EQ(drain_level(25, 60), Level::kOk);
  EXPECT_EQ(drain_level(25, 26), Level::kWarning);
  EXPECT_EQ(drain_level(25, 5), Level::kError);
  EXPECT_EQ(drain_level(5, 5), Level::kError);
}

TEST(Check, ManyUsersOfPgUpdatesNeedTheOutbox) {
  server::Settings settings;
  settings.profile = "pg-updates";
  const auto warnings = [&](int64_t users) {
    Findings findings;
    judge_users(settings, users, "so many", findings);
    return findings.count(Level::kWarning);
  };
  EXPECT_EQ(warnings(kUsersListenedToMax), 0U);
  EXPECT_EQ(warnings(kUsersListenedToMax + 1), 1U);
  settings.profile_settings["PG_OUTBOX"] = "1";
  EXPECT_EQ(warnings(kUsersListenedToMax + 1), 0U);
  settings.profile_settings.clear();
  settings.profile = "chat";
  EXPECT_EQ(warnings(kUsersListenedToMax + 1), 0U);
}

TEST(Check, PeersAreFoundInUrlsWithoutTheirPasswords) {
  const auto peers = peers_of("NATS_URL", "nats://u:p4ss@one:5,tls://two,rediss://:p@[::1]:7/0,x");
  ASSERT_EQ(peers.size(), 3U);
  EXPECT_EQ(peers[0].host, "one");
  EXPECT_EQ(peers[0].port, "5");
  EXPECT_EQ(peers[1].port, "4222");
  EXPECT_FALSE(peers[1].is_tls);
  EXPECT_EQ(peers[2].host, "[::1]");
  EXPECT_TRUE(peers[2].is_tls);
}

TEST(Findings, AreTextAndJson) {
  Findings findings;
  findings.ok("one", "fine");
  findings.fail("two", "bad", "do this");
  EXPECT_THAT(findings.text(false), HasSubstr("ERROR    two"));
  EXPECT_THAT(findings.text(false), HasSubstr("-> do this\n"));
  EXPECT_THAT(findings.text(false), testing::Not(HasSubstr("\x1b")));
  const auto json = nlohmann::json::parse(findings.json());
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["findings"][1]["change"], "do this");
}

TEST(Findings, BytesAreReadable) {
  EXPECT_EQ(bytes_text(512), "512 bytes");
  EXPECT_EQ(bytes_text(64 << 20), "64 MB");
  EXPECT_EQ(bytes_text(uint64_t{3} << 29), "1.5 GB");
}

}  // namespace
}  // namespace livehub::tool
