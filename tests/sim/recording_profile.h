// The real live-data profile, with an ear at what the engine tells it of publishes: the answer to a
// push carries its position. With a broker pushes go to it, as the profile's own cluster mode has
// it, and their answers come later. shard-local.
#pragma once

#include "broker.h"
#include "livehub/profile.h"
#include "oracle.h"

namespace livehub::sim {

// `broker`: nullptr, or where pushes go.
ProfileFactory record(ProfileFactory inner, Oracle& oracle, Broker* broker);

}  // namespace livehub::sim
