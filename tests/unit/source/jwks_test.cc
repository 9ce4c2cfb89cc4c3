#include "source/jwks.h"

#include <gtest/gtest.h>

#include "../auth/jwt_maker.h"
#include "http_test_server.h"

namespace livehub::source {
namespace {

using auth::jwt_maker::Pair;

const Pair& pair() {
  static const Pair made = Pair::ec("P-256");
  return made;
}
std::string set_of(const std::string& kid) {
  return R"({"keys":[)" + pair().jwk(R"("kid":")" + kid + "\"") + "]}";
}

// A set at a URL that can be changed.
struct Site {
  Site() : server([this](const TestRequest&) { return answer(); }) {}
  std::string answer() {
    const std::lock_guard lock(mutex);
    return HttpTestServer::reply(status, body);
  }
  void set(int new_status, std::string new_body) {
    const std::lock_guard lock(mutex);
    status = new_status;
    body = std::move(new_body);
  }
  std::mutex mutex;
  int status = 200;
  std::string body = set_of("one");
  HttpTestServer server;
};

std::shared_ptr<Jwks> made(JwksOptions options) {
  std::string error;
  std::shared_ptr<Jwks> jwks = Jwks::make(std::move(options), error);
  EXPECT_NE(jwks, nullptr) << error;
  return jwks;
}

// Waits for the fetch under way; false: there was none, and none was begun.
bool wait_for_refresh(Jwks& jwks) {
  auto gate = std::make_shared<Gate>();
  if (!jwks.refresh([gate] { gate->open(); })) return false;
  EXPECT_TRUE(gate->wait_for(std::chrono::seconds(30)));
  return true;
}

TEST(Jwks, KeysOfAUrlComeAfterTheStart) {
  Site site;
  const auto jwks = made({.location = site.server.url("/keys")});
  EXPECT_EQ(jwks->keys(), nullptr);
  LinkState link = jwks->links().at(0);
  EXPECT_FALSE(link.is_up);
  EXPECT_TRUE(link.is_needed);
  EXPECT_EQ(jwks->start(), "");
  static_cast<void>(wait_for_refresh(*jwks));
  ASSERT_NE(jwks->keys(), nullptr);
  EXPECT_TRUE(jwks->keys()->has_key_id("one"));
  link = jwks->links().at(0);
  EXPECT_TRUE(link.is_up);
  EXPECT_EQ(link.problem, "");
}

TEST(Jwks, AnUnknownKeyFetchesAgainButNotTooOften) {
  Site site;
  const auto jwks = made({.location = site.server.url(), .interval_ms = 3'600'000});
  EXPECT_EQ(jwks->start(), "");
  while (jwks->keys() == nullptr) std::this_thread::yield();
  site.set(200, set_of("two"));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(jwks->refresh({}));
  EXPECT_EQ(site.server.requests(), 1);
  EXPECT_TRUE(jwks->keys()->has_key_id("one"));

  const auto eager = made({.location = site.server.url(), .interval_ms = 0});
  EXPECT_EQ(eager->start(), "");
  while (eager->keys() == nullptr) std::this_thread::yield();
  EXPECT_TRUE(eager->keys()->has_key_id("two"));
  site.set(200, set_of("three"));
  EXPECT_TRUE(wait_for_refresh(*eager));
  EXPECT_TRUE(eager->keys()->has_key_id("three"));
  EXPECT_FALSE(eager->keys()->has_key_id("two"));
}

TEST(Jwks, FormerKeysStayWhenTheSiteFails) {
  Site site;
  const auto jwks = made({.location = site.server.url(), .interval_ms = 0});
  EXPECT_EQ(jwks->start(), "");
  while (jwks->keys() == nullptr) std::this_thread::yield();
  for (const auto& [status, body] : {std::pair{500, std::string("x")},
                                     {200, std::string("rubbish")},
                                     {200, std::string(300'000, ' ')}}) {
    site.set(status, body);
    EXPECT_TRUE(wait_for_refresh(*jwks));
    EXPECT_TRUE(jwks->keys()->has_key_id("one"));
    const LinkState link = jwks->links().at(0);
    EXPECT_FALSE(link.is_up);
    EXPECT_FALSE(link.is_needed);
    EXPECT_FALSE(link.problem.empty());
  }
  site.set(200, set_of("two"));
  EXPECT_TRUE(wait_for_refresh(*jwks));
  EXPECT_TRUE(jwks->keys()->has_key_id("two"));
  EXPECT_TRUE(jwks->links().at(0).is_up);
}

TEST(Jwks, OldKeysAreFetchedAnew) {
  Site site;
  const auto jwks = made({.location = site.server.url(), .max_age_ms = 0, .interval_ms = 0});
  EXPECT_EQ(jwks->start(), "");
  while (jwks->keys() == nullptr) std::this_thread::yield();
  site.set(200, set_of("two"));
  while (!jwks->keys()->has_key_id("two")) std::this_thread::yield();
}

TEST(Jwks, AFileIsReadAtOnce) {
  char path[] = "/tmp/livehub-test-XXXXXX";
  const int fd = mkstemp(path);
  const auto write_file = [&](const std::string& text) {
    EXPECT_EQ(ftruncate(fd, 0), 0);
    EXPECT_EQ(pwrite(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  };
  write_file(set_of("one"));
  const auto jwks = made({.location = path, .interval_ms = 0});
  EXPECT_TRUE(jwks->keys()->has_key_id("one"));
  EXPECT_EQ(jwks->start(), "");
  write_file(set_of("two"));
  EXPECT_TRUE(wait_for_refresh(*jwks));
  EXPECT_TRUE(jwks->keys()->has_key_id("two"));
  write_file("rubbish");
  std::string error;
  EXPECT_EQ(Jwks::make({.location = path}, error), nullptr);
  EXPECT_FALSE(error.empty());
  unlink(path);
  close(fd);
  EXPECT_EQ(Jwks::make({.location = path}, error), nullptr);
}

TEST(Jwks, KeysDoNotComeInClearOverForeignNetworks) {
  std::string error;
  for (const char* url : {"http://keys.test/", "ftp://keys.test/", "http://10.0.0.1/k",
                          "http://internal/", "https://"})
    EXPECT_EQ(Jwks::make({.location = url}, error), nullptr) << url;
  for (const char* url : {"https://keys.test/", "http://localhost:1/", "http://[::1]:1/k",
                          "http://web.internal:3000/k"})
    EXPECT_NE(Jwks::make({.location = url}, error), nullptr) << url;
}

TEST(Jwks, StopsWhileItFetches) {
  Gate gate;
  HttpTestServer server([&](const TestRequest&) {
    gate.wait();
    return std::string();
  });
  auto told = std::make_shared<Gate>();
  {
    const auto jwks = made({.location = server.url()});
    EXPECT_EQ(jwks->start(), "");
    EXPECT_TRUE(jwks->refresh([told] { told->open(); }));
  }
  EXPECT_TRUE(told->wait_for(std::chrono::seconds(30)));
  gate.open();
}

}  // namespace
}  // namespace livehub::source
