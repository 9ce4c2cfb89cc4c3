// The real live-data profile, with an ear at what the engine tells it of publishes: the answer to a
// push carries its position. shard-local.
#pragma once

#include "livehub/profile.h"
#include "oracle.h"

namespace livehub::sim {

ProfileFactory record(ProfileFactory inner, Oracle& oracle);

}  // namespace livehub::sim
