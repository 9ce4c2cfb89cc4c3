// The settings of profile `pg-updates`, by its contract's names (docs/profiles/pg-updates.md).
#include <array>

#include "server/setting_rows.h"

namespace livehub::server {
namespace {

using T = SettingType;
constexpr std::string_view kGroup = "Profile pg-updates";
constexpr std::string_view kPgUpdates = "pg-updates";

// clang-format off
constexpr std::array kTable = {
    Setting{.name = "DATABASE_URL", .group = kGroup, .type = T::kSecret,
            .help = "The database, by its direct host: postgres://user:password@host/database.",
            .profile = kPgUpdates},
    Setting{.name = "WEBSOCKET_JWT_SECRET", .group = kGroup, .type = T::kSecret,
            .help = "The secret with which the web app signs its users' tokens.",
            .profile = kPgUpdates, .reloads = true},
    Setting{.name = "ALLOWED_ORIGINS", .group = kGroup, .type = T::kOrigins,
            .default_text = "https://your-app.vercel.app, https://your-domain.com, "
                            "http://localhost:3000",
            .help = "Web pages that may connect, with commas between; * is every page.",
            .profile = kPgUpdates, .reloads = true},
    Setting{.name = "PG_CHANNEL_SPELLING", .group = kGroup, .type = T::kChoice,
            .default_text = "both",
            .help = "How triggers spell a table in a channel's name: usage, Usage, or either.",
            .words = "lower|mixed|both", .profile = kPgUpdates},
    Setting{.name = "PG_OUTBOX", .group = kGroup, .type = T::kBool, .default_text = "0",
            .help = "Read changes from the table that livehub pg-setup makes, with one LISTEN.",
            .profile = kPgUpdates},
    Setting{.name = "OUTBOX_SECONDS", .group = kGroup, .type = T::kInteger,
            .default_text = "3600",
            .help = "With PG_OUTBOX: rows older than that are deleted.",
            .least = 60, .most = 30 * 86'400, .unit = "seconds", .profile = kPgUpdates},
    Setting{.name = "AUTH_TIMEOUT", .group = kGroup, .type = T::kInteger, .default_text = "30",
            .help = "A socket that has not authenticated by then is closed with 1008; 0: never.",
            .least = 0, .most = 86'400, .unit = "seconds", .profile = kPgUpdates},
};
// clang-format on

}  // namespace

std::span<const Setting> pg_updates_rows() { return kTable; }

}  // namespace livehub::server
