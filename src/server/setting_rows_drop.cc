// The settings of profile `drop`, by its contract's names (docs/profiles/drop.md).
#include <array>

#include "server/setting_rows.h"

namespace livehub::server {
namespace {

using T = SettingType;
constexpr std::string_view kGroup = "Profile drop";
constexpr std::string_view kDrop = "drop";

// clang-format off
constexpr std::array kTable = {
    Setting{.name = "RESTATE_INGRESS_URL", .group = kGroup, .type = T::kText,
            .default_text = "http://localhost:8080",
            .help = "Where the backend answers for snapshots.",
            .profile = kDrop},
    Setting{.name = "RESTATE_API_TIMEOUT_MS", .group = kGroup, .type = T::kMilliseconds,
            .default_text = "15000",
            .help = "How long a snapshot's call may take; then its event is skipped.",
            .least = 1, .most = 600'000, .profile = kDrop},
    Setting{.name = "RESTATE_TIMEOUT_MS", .group = kGroup, .type = T::kMilliseconds,
            .help = "Of the service's other calls; none is made here.",
            .most = 3'600'000, .profile = kDrop, .has_no_effect = true},
};
// clang-format on

}  // namespace

std::span<const Setting> drop_rows() { return kTable; }

}  // namespace livehub::server
