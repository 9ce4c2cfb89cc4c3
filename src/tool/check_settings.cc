#include "tool/check_settings.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <array>
#include <memory>

#include "profile/profiles.h"
#include "server/machine_count.h"
#include "server/setting_table.h"
#include "tool/effective.h"
#include "tool/http.h"

namespace livehub::tool {
namespace {

struct Scheme {
  std::string_view name;
  std::string_view port;
  bool is_tls = false;
};
constexpr std::array kSchemes = {
    Scheme{"redis", "6379"}, Scheme{"rediss", "6379", true}, Scheme{"nats", "4222"},
    Scheme{"tls", "4222"},   Scheme{"postgres", "5432"},     Scheme{"postgresql", "5432"},
    Scheme{"http", "80"},    Scheme{"https", "443", true},
};

const Scheme* find_scheme(std::string_view name) {
  for (const Scheme& scheme : kSchemes)
    if (scheme.name == name) return &scheme;
  return nullptr;
}

std::optional<Peer> peer_of(const std::string& setting, std::string_view url) {
  const size_t mark = url.find("://");
  const Scheme* scheme = mark == url.npos ? nullptr : find_scheme(url.substr(0, mark));
  if (scheme == nullptr) return std::nullopt;
  const Url parsed = parse_url("http://" + std::string(url.substr(mark + 3)));
  if (!parsed.error.empty() || parsed.host.empty()) return std::nullopt;
  return Peer{setting, parsed.host, parsed.port.empty() ? std::string(scheme->port) : parsed.port,
              scheme->is_tls};
}

// A setting of the chosen profile as it was given, or its default; empty: neither.
std::string value_of(const server::Settings& settings, std::string_view name) {
  const auto given = settings.profile_settings.find(std::string(name));
  if (given != settings.profile_settings.end()) return given->second;
  for (const server::Setting& setting : server::setting_table())
    if (setting.name == name && server::is_setting_of(setting, settings.profile))
      return default_of(setting, settings.profile);
  return {};
}

bool names_a_broker(const server::Settings& settings) {
  for (const char* name : {"REDIS_URL", "NATS_URL", "DATABASE_URL"})
    if (!value_of(settings, name).empty()) return true;
  return false;
}

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

// A sentence, or nothing where somebody answers (and, with TLS, is who it says).
std::string connect_to(const Peer& peer, double seconds) {
  const std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
  std::array<char, CURL_ERROR_SIZE> sentence{};
  HttpRequest request;
  request.url = std::string(peer.is_tls ? "https" : "http") + "://" + peer.host + ":" + peer.port;
  request.connect_ms = static_cast<long>(1000 * seconds);
  request.goes_direct = true;
  prepare_handle(easy.get(), request);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, sentence.data());
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return {};
  return sentence[0] != '\0' ? sentence.data() : curl_easy_strerror(code);
}

std::optional<sockaddr_in> parse_name_server(const std::string& text) {
  const size_t colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == text.npos ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1)
    return std::nullopt;
  const long port = std::strtol(text.c_str() + colon + 1, nullptr, 10);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

}  // namespace

std::vector<Peer> peers_of(const std::string& setting, const std::string& urls) {
  std::vector<Peer> peers;
  std::string_view rest = urls;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    if (const auto peer = peer_of(setting, rest.substr(0, comma))) peers.push_back(*peer);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return peers;
}

void judge_settings(const server::Settings& settings, Findings& findings) {
  const profile::ProfileChoice choice =
      profile::find_profile(settings.profile)->make(settings.profile_settings);
  if (!choice.error.empty())
    return findings.fail("profile", settings.profile + ": " + choice.error,
                         "livehub profiles " + settings.profile + " lists its settings");
  findings.ok("profile", settings.profile + ", port " + std::to_string(settings.engine.port));
  for (const std::string& warning : choice.warnings) {
    const std::string change = "see docs/PROFILES.md, profile " + settings.profile;
    const bool is_open_push = warning.starts_with("anyone may push");
    const std::string what =
        is_open_push ? "set LIVE_PUSH_TOKEN, or LIVE_PUSH_HMAC_SECRET" : change;
    if (settings.engine.is_on_fly)
      findings.fail(is_open_push ? "push" : "profile", warning, what);
    else
      findings.warn(is_open_push ? "push" : "profile", warning, what);
  }
  for (const std::string& warning : settings.warnings)
    findings.warn("settings", warning, "see docs/OPERATING.md, Settings");
  for (const std::string& name : settings.without_effect)
    findings.note("settings", name + " is set, and without effect here");
}

void judge_users(const server::Settings& settings, int64_t users, const std::string& said,
                 Findings& findings) {
  if (settings.profile != "pg-updates" || users <= kUsersListenedToMax) return;
  if (profile::is_on(settings.profile_settings, "PG_OUTBOX")) return;
  findings.warn("outbox",
                said + "; above " + std::to_string(kUsersListenedToMax) +
                    " PostgreSQL takes long to listen to all their names again",
                "livehub pg-setup --apply, then PG_OUTBOX=1: one LISTEN for all of them");
}

void judge_peers(const server::Settings& settings, double seconds, Findings& findings) {
  for (const server::Setting& setting : server::setting_table()) {
    const std::string name(setting.name);
    if (setting.profile.empty() || setting.has_no_effect || !name.ends_with("_URL") ||
        !server::is_setting_of(setting, settings.profile))
      continue;
    for (const Peer& peer : peers_of(name, value_of(settings, name))) {
      const std::string place = name + ": " + peer.host + ":" + peer.port;
      const std::string problem = connect_to(peer, seconds);
      if (problem.empty())
        findings.ok("peers", place + (peer.is_tls ? " answers, over TLS" : " answers"));
      else
        findings.fail("peers", place + ": " + problem,
                      "is it running, and may this machine reach it?");
    }
  }
}

void judge_machines(const server::Settings& settings, const std::string& name_server,
                    Findings& findings) {
  if (settings.fly_app.empty() || names_a_broker(settings)) return;
  const auto server = name_server.empty() ? std::nullopt : parse_name_server(name_server);
  const std::string host = server::machines_host(settings.fly_app);
  const auto machines = server::count_addresses(host, server);
  if (!machines)
    return findings.warn("machines", host + " could not be counted",
                         "ask again inside the Machine: fly ssh console");
  const std::string problem = server::machines_problem(*machines);
  if (problem.empty()) return findings.ok("machines", std::to_string(*machines) + " of " + host);
  findings.fail("machines", problem, "fly scale count 1; deploy with fly deploy --ha=false");
}

}  // namespace livehub::tool
