// Settings that several profiles have, and the brokers' (docs/PROFILES.md).
#include <array>

#include "server/setting_rows.h"

namespace livehub::server {
namespace {

using T = SettingType;
constexpr std::string_view kBrokers = "Brokers";
constexpr std::string_view kShared = "Several profiles";

// clang-format off
constexpr std::array kTable = {
    Setting{.name = "REDIS_URL", .group = kBrokers, .type = T::kSecret,
            .help = "redis://user:password@host:6379/0, or rediss:// with TLS.",
            .profile = "chat|live-data|signals"},
    Setting{.name = "REDIS_CA_CERT", .group = kBrokers, .type = T::kFile,
            .help = "Authorities for rediss://, a PEM file; without it the system's.",
            .profile = "chat|live-data|signals"},
    Setting{.name = "BROKER_PREFIX", .group = kBrokers, .type = T::kText,
            .default_text = "livehub",
            .help = "The first word of the names that the hub itself uses in Redis.",
            .profile = "live-data|signals"},
    Setting{.name = "BROKER_MAXLEN", .group = kBrokers, .default_text = "10000",
            .help = "About how many messages of a channel are kept in Redis.",
            .least = 10, .most = 10'000'000, .unit = "messages", .profile = "live-data"},
    Setting{.name = "CORS_ORIGINS", .group = kShared, .type = T::kOrigins,
            .default_text = "*",
            .help = "Web pages that may connect, with commas between; * (not for drop) is every page.",
            .profile = "live-data|drop|signals", .reloads = true},
    Setting{.name = "ENFORCE_EXPIRY", .group = kShared, .type = T::kBool, .default_text = "0",
            .help = "Whether a connection ends with its token.",
            .profile = "chat|pg-updates"},
    Setting{.name = "NODE_ENV", .group = kShared, .type = T::kText,
            .help = "Of the Node services; nothing depends on it here.",
            .profile = "chat|drop", .has_no_effect = true},
};
// clang-format on

}  // namespace

std::span<const Setting> shared_rows() { return kTable; }

}  // namespace livehub::server
