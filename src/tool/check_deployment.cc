#include "tool/check_deployment.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "tool/check_settings.h"
#include "tool/json_value.h"
#include "tool/secret.h"
#include "tool/stop_signals.h"
#include "tool/stream.h"

namespace livehub::tool {
namespace {

constexpr int64_t kSilenceMs = 15'000;
constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kDaysToRenew = 14;
constexpr std::string_view kForeignOrigin = "https://livehub-check.invalid";

// What can be tried of each service without knowing its users.
struct Route {
  std::string_view profile;
  std::string_view sse{};
  std::string_view websocket{};
  std::string_view push{};
  bool greets = false;  // what it sends at once shows that nothing in between buffers
};
constexpr std::array kRoutes = {
    Route{"live-data", "/api/live", "/api/live/ws", "/api/live/push"},
    Route{.profile = "signals", .sse = "/v1/signals/stream", .greets = true},
    Route{.profile = "drop", .sse = "/events/drops", .greets = true},
    Route{"chat"},
    Route{"pg-updates"},
};

class Deployment {
 public:
  Deployment(Url url, const Invocation& invocation, Findings& findings)
      : url_(std::move(url)), invocation_(invocation), findings_(findings) {}

  std::string prepare();
  void run(std::string_view profile);

 private:
  friend class Probe;
  HttpRequest request(std::string_view path) const;
  bool check_health(std::string_view profile);
  void check_tls(int64_t certificate_end);
  void check_users(std::string_view profile, const std::string& health);
  void check_ready();
  void check_cors(std::string_view path);
  void check_lock(std::string_view path);
  void check_stream(const Route& route, bool is_websocket);
  // A sentence, or nothing once it is accepted.
  std::string push(std::string_view path, const std::string& body);

  Url url_;
  const Invocation& invocation_;
  Findings& findings_;
  StopSignals stop_;
  std::string token_;
  std::string hmac_secret_;
};

// One stream that is opened, pushed to and read until the push is there.
class Probe : public StreamSink {
 public:
  Probe(Deployment& deployment, std::string_view push_path, bool awaits_greeting)
      : deployment_(deployment), push_path_(push_path), awaits_greeting_(awaits_greeting) {
    constexpr double kIds = 1e15;
    id = std::to_string(static_cast<int64_t>(random_fraction() * kIds));
  }
  bool on_open() override {
    is_open = true;
    if (push_path_.empty()) return awaits_greeting_;
    pushed_ms = base::monotonic_ms();
    error = deployment_.push(push_path_, R"({"type":"livehub.check","id":")" + id + "\"}");
    return error.empty();
  }
  bool on_message(const StreamMessage& message) override {
    is_received = push_path_.empty() || message.data.find(id) != message.data.npos;
    return !is_received;
  }

  std::string id;
  std::string error;
  int64_t pushed_ms = 0;
  bool is_open = false;
  bool is_received = false;

 private:
  Deployment& deployment_;
  const std::string_view push_path_;
  const bool awaits_greeting_;
};

std::string Deployment::prepare() {
  const Secret token = read_secret(invocation_, "LIVE_PUSH_TOKEN");
  const Secret secret = read_secret(invocation_, "LIVE_PUSH_HMAC_SECRET");
  token_ = token.text;
  hmac_secret_ = secret.text;
  return token.error.empty() ? secret.error : token.error;
}

HttpRequest Deployment::request(std::string_view path) const {
  HttpRequest request;
  request.url = url_.origin() + std::string(path);
  request.silence_ms = kSilenceMs;
  request.skips_verification = invocation_.has("--insecure");
  return request;
}

// Whether it reads the outbox cannot be seen from outside.
void Deployment::check_users(std::string_view profile, const std::string& health) {
  if (profile != "pg-updates") return;
  const auto body = nlohmann::json::parse(health, nullptr, false);
  const int64_t users = value_in(body, "connectedUsers", int64_t{0});
  if (users <= kUsersListenedToMax) return;
  findings_.note("outbox", std::to_string(users) + " users are connected",
                 "livehub pg-setup, PG_OUTBOX=1, unless it is set: PostgreSQL takes long to listen "
                 "to all their names again");
}

// False: nobody is there, and the rest would only say so again.
bool Deployment::check_health(std::string_view profile) {
  HttpClient client(&stop_);
  const HttpReply reply = client.ask(request("/health"));
  if (reply.end != HttpReply::End::kWhole) {
    findings_.fail("connect", url_.origin() + ": " + reply.error,
                   "is it deployed, and does the name lead there?");
    return false;
  }
  if (reply.status == 200) {
    findings_.ok("health", "GET /health: 200");
    check_users(profile, reply.body);
  } else
    findings_.fail("health", "GET /health: " + std::to_string(reply.status),
                   "is this livehub, with the profile that --profile names?");
  check_tls(reply.certificate_end);
  return true;
}

void Deployment::check_tls(int64_t certificate_end) {
  if (!url_.is_tls)
    return findings_.note("TLS", "plain http", "put a TLS proxy before it; on Fly set force_https");
  std::string sentence =
      invocation_.has("--insecure") ? "the certificate is not checked" : "the certificate is valid";
  const int64_t days = (certificate_end - base::unix_ms() / 1000) / kDaySeconds;
  if (certificate_end != 0) sentence += "; it ends in " + std::to_string(days) + " days";
  if (certificate_end != 0 && days < kDaysToRenew)
    findings_.warn("TLS", sentence, "is it renewed by itself? On Fly: fly certs check NAME");
  else
    findings_.ok("TLS", sentence);
}

void Deployment::check_ready() {
  HttpClient client(&stop_);
  const HttpReply reply = client.ask(request("/_livehub/ready"));
  if (reply.status == 200)
    findings_.ok("ready", "GET /_livehub/ready: 200");
  else if (reply.status == 503)
    findings_.fail("ready", reply.body.substr(0, 300),
                   "docs/OPERATING.md, When something is wrong");
  else
    findings_.note("ready", "GET /_livehub/ready: " + std::to_string(reply.status),
                   "PUBLIC_READY=1 answers it");
}

void Deployment::check_cors(std::string_view path) {
  const std::string asked = invocation_.text("--origin");
  HttpRequest preflight = request(path);
  preflight.method = "OPTIONS";
  preflight.headers = {"Origin: " + (asked.empty() ? std::string(kForeignOrigin) : asked),
                       "Access-Control-Request-Method: GET"};
  HttpClient client(&stop_);
  const std::string allowed = client.ask(preflight).header("access-control-allow-origin");
  if (allowed == "*")
    findings_.note("CORS", "every page may connect", "CORS_ORIGINS can name the pages that may");
  else if (asked.empty() && allowed.empty())
    findings_.ok("CORS", "a page of an unknown origin may not connect; try --origin with yours");
  else if (allowed.empty())
    findings_.fail("CORS", "pages of " + asked + " may not connect", "add it to CORS_ORIGINS");
  else
    findings_.ok("CORS", "pages of " + allowed + " may connect");
}

// An empty body is refused either way; the status says whether for its sender or for itself.
void Deployment::check_lock(std::string_view path) {
  HttpRequest empty = request(path);
  empty.method = "POST";
  empty.headers = {"Content-Type: application/json"};
  HttpClient client(&stop_);
  const HttpReply reply = client.ask(empty);
  if (reply.status == 401)
    findings_.ok("push", "nobody may push without the token");
  else if (reply.status == 400)
    findings_.warn("push", "anyone may push", "set LIVE_PUSH_TOKEN on the server");
  else
    findings_.fail("push", "POST " + std::string(path) + ": " + std::to_string(reply.status),
                   "does a proxy in between refuse POST?");
}

std::string Deployment::push(std::string_view path, const std::string& body) {
  HttpRequest post = request(path);
  post.method = "POST";
  post.body = body;
  post.headers = {"Content-Type: application/json", "Expect:"};
  if (!token_.empty()) post.headers.push_back("Authorization: Bearer " + token_);
  if (!hmac_secret_.empty()) {
    const int64_t now = base::unix_ms() / 1000;
    post.headers.push_back("X-Timestamp: " + std::to_string(now));
    post.headers.push_back("X-Signature: " + push_signature(hmac_secret_, now, body));
  }
  HttpClient client;
  const HttpReply reply = client.ask(post);
  if (reply.status == 200) return {};
  if (reply.status == 401)
    return "the push was refused with 401; set LIVE_PUSH_TOKEN (or LIVE_PUSH_HMAC_SECRET) here";
  return "the push was answered with " +
         (reply.status == 0 ? reply.error : std::to_string(reply.status));
}

void Deployment::check_stream(const Route& route, bool is_websocket) {
  const std::string subject = is_websocket ? "WebSocket" : "SSE";
  StreamRequest stream;
  stream.url = url_;
  if (is_websocket) stream.url.scheme = url_.is_tls ? "wss" : "ws";
  stream.url.path = is_websocket ? route.websocket : route.sse;
  stream.silence_ms = kSilenceMs;
  stream.skips_verification = invocation_.has("--insecure");
  if (const std::string origin = invocation_.text("--origin"); !origin.empty())
    stream.headers.push_back("Origin: " + origin);
  const bool pushes = !route.push.empty() && !invocation_.has("--no-push");
  Probe probe(*this, pushes ? route.push : std::string_view(), route.greets);
  const StreamEnd end =
      is_websocket ? read_websocket(stream, probe, stop_) : read_sse(stream, probe, stop_);
  if (!probe.is_open)
    return findings_.fail(subject, stream.url.path + ": " + end.sentence,
                          is_websocket ? "does a proxy in between pass Upgrade on?"
                                       : "does a proxy in between buffer or compress it?");
  if (!pushes && !route.greets) return findings_.ok(subject, stream.url.path + " opens");
  if (!pushes && probe.is_received)
    return findings_.ok(subject, stream.url.path + " opens, and its first event came");
  if (!pushes)
    return findings_.fail(subject, "nothing came: " + end.sentence,
                          "is its backend there? Does a proxy in between buffer the stream?");
  if (!probe.error.empty()) return findings_.fail(subject, probe.error, "see livehub push --help");
  if (!probe.is_received)
    return findings_.fail(subject, "what was pushed did not arrive: " + end.sentence,
                          "do several Machines run without a broker? docs/DEPLOY.md, --ha=false; "
                          "or a proxy buffers the stream");
  findings_.ok(subject, "pushed and received in " +
                            std::to_string(base::monotonic_ms() - probe.pushed_ms) + " ms");
}

void Deployment::run(std::string_view profile) {
  if (!check_health(profile)) return;
  check_ready();
  for (const Route& route : kRoutes) {
    if (route.profile != profile) continue;
    if (!route.sse.empty()) check_cors(route.sse);
    if (!route.push.empty()) check_lock(route.push);
    if (!route.sse.empty()) check_stream(route, false);
    if (!route.websocket.empty()) check_stream(route, true);
    if (route.sse.empty())
      findings_.note("streams", "not tried: clients of " + std::string(profile) +
                                    " need a token; livehub token makes one");
  }
}

}  // namespace

std::string judge_deployment(const std::string& url, const std::string& profile,
                             const Invocation& invocation, Findings& findings) {
  Url parsed = parse_url(url);
  if (!parsed.error.empty()) return parsed.error + ".";
  if (parsed.is_websocket) parsed.scheme = parsed.is_tls ? "https" : "http";
  parsed.is_websocket = false;
  Deployment deployment(std::move(parsed), invocation, findings);
  if (std::string error = deployment.prepare(); !error.empty()) return error;
  deployment.run(profile);
  return {};
}

}  // namespace livehub::tool
