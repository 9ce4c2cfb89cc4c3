#include "profile/live_data_nats.h"

#include <charconv>
#include <utility>

#include "source/nats_subject.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {

std::shared_ptr<source::NatsStreamSource> make_live_data_nats(const SettingMap& settings,
                                                              std::string_view channel,
                                                              std::string& error) {
  source::NatsStreamOptions options;
  options.nats.servers = setting(settings, "NATS_URL", "");
  if (options.nats.servers.empty()) return nullptr;
  std::string why;
  if (source::parse_nats_servers(options.nats.servers, why).empty()) {
    error = "NATS_URL: " + why;
    return nullptr;
  }
  options.nats.creds_file = setting(settings, "NATS_CREDS_FILE", "");
  options.nats.ca_file = setting(settings, "NATS_CA_FILE", "");
  options.nats.name = "livehub live-data";
  const std::string prefix = setting(settings, "BROKER_PREFIX", "livehub");
  options.stream = prefix + "_live-data";
  options.subject = prefix + ".live-data." + std::string(channel);
  if (!source::is_nats_token(prefix) || !source::is_nats_subject(options.subject)) {
    error = "BROKER_PREFIX cannot stand in a NATS subject: no dots, spaces, * or >.";
    return nullptr;
  }
  options.channel = channel;
  const std::string most = setting(settings, "BROKER_MAXLEN", "10000");
  std::from_chars(most.data(), most.data() + most.size(), options.messages_max);
  options.decode = [](std::string_view payload, std::string& out) {
    return wire::utf8_valid(payload) && wire::json_compact(payload, out).ok;
  };
  return std::make_shared<source::NatsStreamSource>(std::move(options));
}

}  // namespace livehub::profile
