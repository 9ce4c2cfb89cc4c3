// The settings of profile `signals`, by its contract's names (docs/PROFILES.md).
#include <array>

#include "server/setting_rows.h"
#include "server/settings.h"

namespace livehub::server {
namespace {

using T = SettingType;
constexpr std::string_view kSignalsGroup = "Profile signals";
constexpr std::string_view kSignals = "signals";

// Its names for PORT and LIVEHUB_HOST: they come later in the table, and so win.
void set_port(Settings& s, const SettingValue& value) {
  s.engine.port = static_cast<uint16_t>(value.number);
}
void set_host(Settings& s, const SettingValue& value) {
  s.engine.host = value.text == "0.0.0.0" ? std::string() : value.text;  // all of them, IPv6 too
}

// clang-format off
constexpr std::array kTable = {
    Setting{.name = "REDIS_SSL", .group = kSignalsGroup, .type = T::kBool, .default_text = "0",
            .help = "TLS although REDIS_URL begins with redis://.", .profile = kSignals},
    Setting{.name = "REDIS_DB", .group = kSignalsGroup,
            .help = "The number of the database, over that of REDIS_URL.",
            .most = 1'000'000, .profile = kSignals},
    Setting{.name = "REDIS_CA_CERT_USE_CERTIFI", .group = kSignalsGroup, .type = T::kBool,
            .help = "The system's authorities are used unless REDIS_CA_CERT is set.",
            .profile = kSignals, .has_no_effect = true},
    Setting{.name = "REDIS_POOL_MAX", .group = kSignalsGroup,
            .help = "Two connections are enough for any number of clients.",
            .most = 1'000'000, .profile = kSignals, .has_no_effect = true},
    Setting{.name = "REDIS_SOCKET_TIMEOUT", .group = kSignalsGroup, .type = T::kSeconds,
            .help = "A link is given up after 10 s of silence.", .most = 86'400,
            .profile = kSignals, .has_no_effect = true},
    Setting{.name = "APP_ENV", .group = kSignalsGroup, .type = T::kText,
            .help = "Nothing here depends on it.", .profile = kSignals, .has_no_effect = true},
    Setting{.name = "APP_HOST", .group = kSignalsGroup, .type = T::kAddress,
            .help = "The address to listen on; 0.0.0.0 is all, IPv6 too.",
            .profile = kSignals, .apply = set_host},
    Setting{.name = "APP_PORT", .group = kSignalsGroup, .default_text = "8000",
            .help = "Where clients connect; it wins over PORT.", .most = 65535,
            .profile = kSignals, .apply = set_port},
    Setting{.name = "SIGNALS_STREAM_ACTIVE", .group = kSignalsGroup, .type = T::kText,
            .default_text = "signals:paper",
            .help = "signals:<mode>, or signals:<mode>:<more> to read that mode from there.",
            .profile = kSignals},
    Setting{.name = "SIGNALS_ORDER", .group = kSignalsGroup, .type = T::kChoice,
            .default_text = "newest", .help = "Which signal GET /v1/signals gives first.",
            .words = "newest|oldest", .profile = kSignals},
    Setting{.name = "SIGNALS_REPEAT_CONNECTED", .group = kSignalsGroup, .type = T::kBool,
            .default_text = "0",
            .help = "Repeat `connected` with each heartbeat, for pages that reconnect after 30 s.",
            .profile = kSignals},
    Setting{.name = "ENABLE_SSE", .group = kSignalsGroup, .type = T::kBool, .default_text = "1",
            .help = "Whether there is a stream at all; without it its path is 404.",
            .profile = kSignals},
    Setting{.name = "SSE_HEARTBEAT_SEC", .group = kSignalsGroup, .default_text = "15",
            .help = "A comment after that long with nothing sent.",
            .least = 1, .most = 3600, .unit = "seconds", .profile = kSignals},
    Setting{.name = "SSE_TRACK_IN_REDIS", .group = kSignalsGroup, .type = T::kBool,
            .default_text = "0",
            .help = "Keep this machine's number of streams in a key of Redis, for 30 s each time.",
            .profile = kSignals},
    Setting{.name = "CONSUMER_GROUP_NAME", .group = kSignalsGroup, .type = T::kText,
            .help = "Keep a consumer group of that name and the machine's, for watching its lag.",
            .profile = kSignals},
    Setting{.name = "CONSUMER_NAME", .group = kSignalsGroup, .type = T::kText,
            .default_text = "sse-worker", .help = "The consumer in that group.",
            .profile = kSignals},
    Setting{.name = "CORS_ALLOW_ORIGINS", .group = kSignalsGroup, .type = T::kOrigins,
            .default_text = "*",
            .help = "Web pages that may read what is not the stream; CORS_ORIGINS does as well.",
            .profile = kSignals, .reloads = true},
    Setting{.name = "SIGNALS_JWT_SECRET", .group = kSignalsGroup, .type = T::kSecret,
            .help = "Who reads signals must bring a token that is signed with it (HS256).",
            .profile = kSignals, .reloads = true},
    Setting{.name = "SIGNALS_JWKS", .group = kSignalsGroup, .type = T::kText,
            .help = "The same with public keys: a JWK set in a file or at https:// (RS256, ES256).",
            .profile = kSignals},
    Setting{.name = "SIGNALS_STREAMS_PER_USER", .group = kSignalsGroup, .default_text = "20",
            .help = "Streams that one user's tokens may open at a time; 0 is any number.",
            .most = 1'000'000, .unit = "streams", .profile = kSignals},
    Setting{.name = "PROMETHEUS_ENABLED", .group = kSignalsGroup, .type = T::kBool,
            .default_text = "1", .help = "Whether GET /metrics is answered on the clients' port.",
            .profile = kSignals},
};
// clang-format on

}  // namespace

std::span<const Setting> signals_rows() { return kTable; }

}  // namespace livehub::server
