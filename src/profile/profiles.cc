#include "profile/profiles.h"

#include <array>

#include "profile/drop.h"
#include "profile/live_data.h"

namespace livehub::profile {
namespace {

constexpr std::array kProfiles = {
    ProfileEntry{"live-data", "JSON pushed over HTTP reaches every SSE and WebSocket client",
                 make_live_data},
    ProfileEntry{"drop", "product drops: snapshots from Restate, then what NATS brings, over SSE",
                 make_drop, set_drop_defaults},
};

}  // namespace

std::span<const ProfileEntry> profiles() { return kProfiles; }

const ProfileEntry* find_profile(std::string_view name) {
  for (const ProfileEntry& entry : kProfiles)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace livehub::profile
