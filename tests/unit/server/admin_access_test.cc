#include "server/admin_access.h"

#include <gtest/gtest.h>

#include <string>

#include "fake_request.h"

namespace livehub::server {
namespace {

const std::string kToken = "sixteen or more bytes";
constexpr int64_t kNow = 1'700'000'000;

AdminAccess access_of(const std::string& token) {
  return AdminAccess(std::make_shared<AdminToken>(token));
}

int status(const FakeRequest& request, const std::string& token = {}) {
  return access_of(token).check(request, kNow).status;
}

TEST(AdminAccess, ThisMachineIsLetInByALoopbackName) {
  for (const char* host : {"localhost", "localhost:9091", "LOCALHOST:80", "127.0.0.1:9091",
                           "127.8.9.10", "[::1]", "[::1]:9091"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* peer : {"127.0.0.1", "127.1.2.3", "::1"})
    EXPECT_EQ(status(FakeRequest().from(peer)), 0) << peer;
}

// DNS rebinding: the attacker's name resolves to 127.0.0.1, so the peer is a loopback.
TEST(AdminAccess, ALoopbackPeerWithAnyOtherNameIsRefused) {
  for (const char* host : {"",
                           "evil.example",
                           "evil.example:9091",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "localhost.",
                           "localhost@evil.example",
                           "evil.example#localhost",
                           "localhost:9091:80",
                           "localhost,evil.example",
                           "localhost evil",
                           "[::1].evil.example",
                           "[::1",
                           "::1",
                           "[::2]",
                           "128.0.0.1",
                           "1270.0.1",
                           "0x7f.1",
                           "2130706433",
                           "127.0.0.1x",
                           "localhost:port",
                           "0.0.0.0",
                           "[::ffff:127.0.0.1]"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
  EXPECT_EQ(status(FakeRequest().with("host", "evil.example")), 403);
  EXPECT_EQ(status(FakeRequest().with("host", "evil.example"), kToken), 401);
  FakeRequest without;
  without.fields.erase("host");
  EXPECT_EQ(status(without), 403);
}

TEST(AdminAccess, ALoopbackNameFromElsewhereIsRefused) {
  for (const char* peer : {"192.0.2.1", "10.0.0.1", "2001:db8::1", "fdaa::3", "::", "", "0.0.0.0"})
    EXPECT_EQ(status(FakeRequest().from(peer)), 403) << peer;
}

TEST(AdminAccess, BehindAProxyOnThisMachineNobodyIsLocal) {
  for (const char* field :
       {"forwarded", "x-forwarded-for", "x-real-ip", "via", "fly-client-ip", "x-forwarded-host"})
    EXPECT_EQ(status(FakeRequest().with(field, "127.0.0.1")), 403) << field;
}

TEST(AdminAccess, OtherOriginsAreRefusedEvenWithTheToken) {
  for (const char* origin :
       {"http://evil.example", "null", "", "http://localhost", "http://localhost:9092", "file://",
        "http://localhost:9091.evil.example", "ftp://localhost:9091",
        "http://evil.example@localhost:9091", "chrome-extension://abc"}) {
    EXPECT_EQ(status(FakeRequest().with("origin", origin)), 403) << origin;
    const FakeRequest request = FakeRequest()
                                    .from("192.0.2.1")
                                    .with("origin", origin)
                                    .with("authorization", "Bearer " + kToken);
    EXPECT_EQ(status(request, kToken), 403) << origin;
  }
  EXPECT_EQ(status(FakeRequest().with("origin", "http://localhost:9091")), 0);
  EXPECT_EQ(status(FakeRequest().with("origin", "https://localhost:9091")), 0);
}

TEST(AdminAccess, WhatChangesSomethingNeedsThePagesOwnOrigin) {
  EXPECT_EQ(status(FakeRequest().by("POST")), 403);
  EXPECT_EQ(status(FakeRequest().by("DELETE"), kToken), 403);
  EXPECT_EQ(status(FakeRequest().by("POST").with("origin", "http://localhost:9091")), 0);
  const AdminAccess access = access_of(kToken);
  EXPECT_EQ(access.check_origin(FakeRequest().by("POST")).status, 403);
  EXPECT_EQ(access.check_origin(FakeRequest().by("POST").with("origin", "http://x")).status, 403);
}

TEST(AdminAccess, OtherSitesCannotLoadPartsOfIt) {
  const FakeRequest script =
      FakeRequest().with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "no-cors");
  EXPECT_EQ(status(script), 403);
  const FakeRequest link =
      FakeRequest().with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "navigate");
  EXPECT_EQ(status(link), 0);
}

TEST(AdminAccess, TheTokenOpensItFromElsewhere) {
  const auto remote = [](const std::string& authorization) {
    return FakeRequest()
        .from("192.0.2.1")
        .with("host", "hub.internal:9091")
        .with("authorization", authorization);
  };
  EXPECT_EQ(status(remote("Bearer " + kToken), kToken), 0);
  EXPECT_EQ(status(remote("bearer  " + kToken), kToken), 0);
  EXPECT_EQ(status(remote("Bearer " + kToken + "x"), kToken), 401);
  EXPECT_EQ(status(remote("Bearer "), kToken), 401);
  EXPECT_EQ(status(remote("Bearer "), ""), 403);  // no token is set: none is right
  EXPECT_EQ(status(remote("Basic " + kToken), kToken), 401);
  EXPECT_TRUE(access_of(kToken).is_token(kToken));
  EXPECT_FALSE(access_of(kToken).is_token(""));
  EXPECT_FALSE(access_of("").is_token(""));
}

TEST(AdminAccess, TheCookieOpensItForAWhile) {
  const AdminAccess access = access_of(kToken);
  const FakeRequest login = FakeRequest().with("origin", "http://hub.internal:9091");
  const std::string cookie = access.cookie(login, kNow);
  EXPECT_NE(cookie.find("; HttpOnly; SameSite=Strict"), std::string::npos);
  EXPECT_EQ(cookie.find("Secure"), std::string::npos);
  EXPECT_EQ(cookie.find(kToken), std::string::npos);
  const FakeRequest tls = FakeRequest().with("origin", "https://hub.internal");
  EXPECT_NE(access.cookie(tls, kNow).find("; Secure"), std::string::npos);

  FakeRequest remote = FakeRequest().from("192.0.2.1").with("host", "hub.internal:9091");
  remote.with("cookie", "other=1; " + cookie.substr(0, cookie.find(';')) + "; more=2");
  EXPECT_EQ(access.check(remote, kNow).status, 0);
  EXPECT_EQ(access.check(remote, kNow + 12 * 3600).status, 401);
  EXPECT_EQ(access_of("another token of length").check(remote, kNow).status, 401);
  remote.with("cookie", "livehub_admin=; xlivehub_admin=1");
  EXPECT_EQ(access.check(remote, kNow).status, 401);
}

TEST(AdminAccess, AHostNameIsWhatMayStandInAUrl) {
  EXPECT_EQ(host_name_of("hub.example:9091"), "hub.example");
  EXPECT_EQ(host_name_of("[2001:db8::1]:9091"), "[2001:db8::1]");
  EXPECT_EQ(host_name_of("a b"), "");
  EXPECT_EQ(host_name_of("a;b"), "");
  EXPECT_EQ(host_name_of("a'b"), "");
  EXPECT_EQ(host_name_of(""), "");
}

}  // namespace
}  // namespace livehub::server
