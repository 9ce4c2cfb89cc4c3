#include "profile/profiles.h"

#include <array>

#include "profile/chat.h"
#include "profile/drop.h"
#include "profile/live_data.h"
#include "profile/pg_updates.h"
#include "profile/signals.h"

namespace livehub::profile {
namespace {

constexpr std::array kProfiles = {
    ProfileEntry{"live-data", "JSON pushed over HTTP reaches every SSE and WebSocket client",
                 make_live_data},
    ProfileEntry{"chat", "rooms of a support chat over WebSockets, Redis and the web app's API",
                 make_chat, set_chat_defaults},
    ProfileEntry{"pg-updates", "rows of PostgreSQL that change reach their user's WebSockets",
                 make_pg_updates, set_pg_updates_defaults},
    ProfileEntry{"signals", "trading signals of Redis Streams reach every SSE client", make_signals,
                 set_signals_defaults},
    ProfileEntry{"drop", "product drops: snapshots from Restate, then what NATS brings, over SSE",
                 make_drop, set_drop_defaults, "NATS_URL=nats://localhost:4222"},
};

}  // namespace

std::span<const ProfileEntry> profiles() { return kProfiles; }

const ProfileEntry* find_profile(std::string_view name) {
  for (const ProfileEntry& entry : kProfiles)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace livehub::profile
