// Several machines as one hub for profile `live-data`, over a JetStream stream: as
// profile/live_data_cluster.h, with NATS in the place of Redis. Other publishers may write into its
// subject too. startup; what it makes is a mailbox. Tests: tests/integration/nats_cluster.test.mjs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "profile/choice.h"
#include "source/nats_stream.h"

namespace livehub::profile {

// nullptr: there is no NATS_URL, or `error` says what is wrong with it. Beside it: NATS_CREDS_FILE,
// NATS_CA_FILE, BROKER_PREFIX, BROKER_MAXLEN.
[[nodiscard]] std::shared_ptr<source::NatsStreamSource> make_live_data_nats(
    const SettingMap& settings, std::string_view channel, std::string& error);

}  // namespace livehub::profile
