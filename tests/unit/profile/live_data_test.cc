// What live-data decides from a head alone; bodies, streams and bytes are in tests/integration.
#include "profile/live_data.h"

#include <gtest/gtest.h>

#include <map>

namespace livehub::profile {
namespace {

class FakeRequest : public Request {
 public:
  FakeRequest(std::string method, std::string path)
      : method_(std::move(method)), path_(std::move(path)) {}
  FakeRequest& with(std::string name, std::string value) {
    headers_[std::move(name)] = std::move(value);
    return *this;
  }
  FakeRequest& upgrading() {
    is_websocket_ = true;
    return *this;
  }
  FakeRequest& asking(std::string name, std::string value) {
    query_[std::move(name)] = std::move(value);
    return *this;
  }
  std::string_view method() const override { return method_; }
  std::string_view path() const override { return path_; }
  std::string_view query() const override { return ""; }
  std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = headers_.find(std::string(name));
    if (found == headers_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<std::string> query_value(std::string_view name) const override {
    const auto found = query_.find(std::string(name));
    if (found == query_.end()) return std::nullopt;
    return found->second;
  }
  bool is_websocket() const override { return is_websocket_; }
  std::string client_address() const override { return "127.0.0.1"; }

 private:
  std::string method_, path_;
  std::map<std::string, std::string> headers_, query_;
  bool is_websocket_ = false;
};

std::unique_ptr<Profile> make(const std::map<std::string, std::string>& settings = {}) {
  const ProfileChoice choice = make_live_data(settings);
  EXPECT_EQ(choice.error, "");
  ProfileContext context;
  context.unix_seconds = [] { return int64_t{1'800'000'000}; };
  context.publish = [](const Publication&) {};
  return choice.factory(context);
}

std::string field(const Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers)
    if (key == name) return value;
  return "(none)";
}

TEST(LiveData, HealthSaysWhatIsSet) {
  EXPECT_EQ(
      make()->route(FakeRequest("GET", "/health")).reply.body,
      R"({"ok":true,"mode":"hub","sse":"/api/live","ws":"/api/live/ws","push":"/api/live/push",)"
      R"("auth":"none"})");
  const auto with_token = make({{"LIVE_PUSH_TOKEN", "t"}, {"MODE", "Generator"}});
  const std::string body = with_token->route(FakeRequest("GET", "/health")).reply.body;
  EXPECT_NE(body.find(R"("mode":"generator")"), std::string::npos);
  EXPECT_NE(body.find(R"("auth":"bearer")"), std::string::npos);
}

TEST(LiveData, OptionsIs204OnAnyPath) {
  const Route route = make()->route(FakeRequest("OPTIONS", "/anything"));
  EXPECT_EQ(route.kind, Route::Kind::kReply);
  EXPECT_EQ(route.reply.status, 204);
  EXPECT_EQ(field(route.reply, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(field(route.reply, "Access-Control-Allow-Methods"), "GET,POST,OPTIONS");
  EXPECT_EQ(field(route.reply, "Cache-Control"), "no-store");
}

TEST(LiveData, WrongPathsAndMethodsAre404) {
  const auto profile = make();
  for (const auto& [method, path] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "/"},
                                                        {"HEAD", "/health"},
                                                        {"POST", "/api/live"},
                                                        {"GET", "/api/live/push"},
                                                        {"GET", "/api/live/ws"},
                                                        {"GET", "/api/live/"},
                                                        {"PUT", "/api/live/push"}}) {
    const Route route = profile->route(FakeRequest(method, path));
    EXPECT_EQ(route.reply.status, 404) << method << " " << path;
    EXPECT_EQ(route.reply.body,
              R"({"error":"Not found","paths":["/api/live","/api/live/ws","/api/live/push"]})");
  }
}

TEST(LiveData, UpgradesElsewhereAreDestroyed) {
  const auto profile = make();
  EXPECT_EQ(profile->route(FakeRequest("GET", "/api/live").upgrading()).kind,
            Route::Kind::kDestroy);
  EXPECT_EQ(profile->route(FakeRequest("GET", "/ws").upgrading()).kind, Route::Kind::kDestroy);
  EXPECT_EQ(profile->route(FakeRequest("GET", "/api/live/ws").upgrading()).kind,
            Route::Kind::kWebSocket);
}

TEST(LiveData, TheFirstSubprotocolIsEchoed) {
  const auto profile = make();
  const auto offered = [&](std::string value) {
    return profile
        ->route(
            FakeRequest("GET", "/api/live/ws").upgrading().with("sec-websocket-protocol", value))
        .stream.subprotocol;
  };
  EXPECT_EQ(offered("a, b"), "a");
  EXPECT_EQ(offered(" x "), "x");
  EXPECT_EQ(offered(""), "");
}

TEST(LiveData, TheTokenIsCheckedBeforeTheBody) {
  const auto profile = make({{"LIVE_PUSH_TOKEN", "secret"}});
  const FakeRequest without("POST", "/api/live/push");
  EXPECT_EQ(profile->route(without).reply.status, 401);
  EXPECT_EQ(profile->route(without).reply.body, R"({"ok":false,"error":"Unauthorized"})");
  EXPECT_EQ(
      profile->route(FakeRequest("POST", "/api/live/push").with("authorization", "bearer  secret"))
          .kind,
      Route::Kind::kBody);
  EXPECT_EQ(
      profile->route(FakeRequest("POST", "/api/live/push").with("authorization", "Bearer secret2"))
          .reply.status,
      401);
}

TEST(LiveData, SignedPushesNeedBothHeadersBeforeTheBody) {
  const auto profile = make({{"LIVE_PUSH_HMAC_SECRET", "k"}});
  EXPECT_EQ(profile->route(FakeRequest("POST", "/api/live/push")).reply.status, 401);
  const std::string signature = "sha256=" + std::string(64, 'a');
  const auto at = [&](std::string seconds) {
    return profile->route(FakeRequest("POST", "/api/live/push")
                              .with("x-timestamp", seconds)
                              .with("x-signature", signature));
  };
  EXPECT_EQ(at("1800000000").kind, Route::Kind::kBody);
  EXPECT_EQ(at("1799999699").reply.status, 401);
  EXPECT_EQ(at("1800000301").reply.status, 401);
}

TEST(LiveData, AListOfOriginsIsExact) {
  const auto profile = make({{"CORS_ORIGINS", "https://a.example, https://b.example"}});
  const auto push_from = [&](std::string origin) {
    return profile->route(FakeRequest("POST", "/api/live/push").with("origin", origin));
  };
  EXPECT_EQ(push_from("https://a.example").kind, Route::Kind::kBody);
  EXPECT_EQ(push_from("https://a.example.evil").reply.status, 403);
  EXPECT_EQ(profile->route(FakeRequest("GET", "/api/live").with("origin", "https://c.example"))
                .reply.status,
            403);
  EXPECT_EQ(profile->route(FakeRequest("GET", "/api/live")).kind, Route::Kind::kSse);
  const Route health =
      profile->route(FakeRequest("GET", "/health").with("origin", "https://b.example"));
  EXPECT_EQ(field(health.reply, "Access-Control-Allow-Origin"), "https://b.example");
  EXPECT_EQ(field(health.reply, "Vary"), "Origin");
}

TEST(LiveData, WrongSettingsAreNamed) {
  EXPECT_NE(make_live_data({{"MODE", "both"}}).error.find("MODE"), std::string::npos);
  EXPECT_NE(make_live_data({{"TICK_MS", "soon"}}).error.find("TICK_MS"), std::string::npos);
  EXPECT_NE(make_live_data({{"MAX_BODY_BYTES", "-1"}}).error.find("MAX_BODY_BYTES"),
            std::string::npos);
  EXPECT_NE(make_live_data({{"CORS_ORIGINS", "https://a/path"}}).error.find("CORS_ORIGINS"),
            std::string::npos);
}

TEST(LiveData, AnOpenPushEndpointIsWarnedOf) {
  EXPECT_EQ(make_live_data({}).warnings.size(), 1u);
  EXPECT_TRUE(make_live_data({{"LIVE_PUSH_TOKEN", "t"}}).warnings.empty());
}

}  // namespace
}  // namespace livehub::profile
