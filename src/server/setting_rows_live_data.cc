// The settings of profile `live-data`, by its contract's names (docs/PROFILES.md).
#include <array>

#include "server/setting_rows.h"

namespace livehub::server {
namespace {

using T = SettingType;
constexpr uint64_t kGiga = 1 << 30;
constexpr std::string_view kLiveDataGroup = "Profile live-data";
constexpr std::string_view kLiveData = "live-data";

// clang-format off
constexpr std::array kTable = {
    Setting{.name = "MODE", .group = kLiveDataGroup, .type = T::kChoice, .default_text = "hub",
            .help = "generator makes up a point every TICK_MS; hub sends only what is pushed.",
            .words = "hub|generator", .profile = kLiveData},
    Setting{.name = "TICK_MS", .group = kLiveDataGroup, .type = T::kMilliseconds,
            .default_text = "1000",
            .help = "How often MODE=generator makes a point.",
            .least = 10, .most = 3'600'000, .profile = kLiveData},
    Setting{.name = "MAX_BODY_BYTES", .group = kLiveDataGroup, .type = T::kBytes,
            .default_text = "256000",
            .help = "The largest body of a push; a larger one gets 413.",
            .least = 1, .most = kGiga, .profile = kLiveData, .reloads = true},
    Setting{.name = "LIVE_PUSH_TOKEN", .group = kLiveDataGroup, .type = T::kSecret,
            .help = "Who pushes must send it as a bearer token; with no secret, anyone may.",
            .profile = kLiveData, .reloads = true},
    Setting{.name = "LIVE_PUSH_HMAC_SECRET", .group = kLiveDataGroup, .type = T::kSecret,
            .help = "Who pushes must sign with it (X-Timestamp, X-Signature).",
            .profile = kLiveData, .reloads = true},
};
// clang-format on

}  // namespace

std::span<const Setting> live_data_rows() { return kTable; }

}  // namespace livehub::server
