// The settings of profile `chat`, by its contract's names (docs/profiles/chat.md).
#include <array>

#include "server/setting_rows.h"

namespace livehub::server {
namespace {

using T = SettingType;
constexpr std::string_view kGroup = "Profile chat";
constexpr std::string_view kChat = "chat";

// clang-format off
constexpr std::array kTable = {
    Setting{.name = "JWT_SECRET", .group = kGroup, .type = T::kSecret,
            .help = "What the web app signs its tokens with; it must be set.",
            .profile = kChat, .reloads = true},
    Setting{.name = "INTERNAL_API_SECRET", .group = kGroup, .type = T::kSecret,
            .help = "Goes to the web app's API in X-Internal-Secret; it must be set.",
            .profile = kChat, .reloads = true},
    Setting{.name = "NEXT_API_URL", .group = kGroup, .type = T::kText,
            .default_text = "http://localhost:3000",
            .help = "The web app, whose API saves messages.",
            .profile = kChat},
    Setting{.name = "BACKEND_TIMEOUT_MS", .group = kGroup, .type = T::kMilliseconds,
            .default_text = "15000",
            .help = "How long a call to the API may take, waiting included.",
            .least = 100, .most = 300'000, .profile = kChat},
    Setting{.name = "BACKEND_CONCURRENCY", .group = kGroup, .default_text = "64",
            .help = "Calls to the API at the same time.",
            .least = 1, .most = 1024, .unit = "calls", .profile = kChat},
    Setting{.name = "BACKEND_QUEUE", .group = kGroup, .default_text = "10000",
            .help = "Calls that may wait for their turn; beyond it senders get an error.",
            .most = 1'000'000, .unit = "calls", .profile = kChat},
    Setting{.name = "CHAT_TRUST_ROLES", .group = kGroup, .type = T::kBool, .default_text = "0",
            .help = "Whether anonymous users may speak as AGENT or ASSISTANT.",
            .profile = kChat},
};
// clang-format on

}  // namespace

std::span<const Setting> chat_rows() { return kTable; }

}  // namespace livehub::server
