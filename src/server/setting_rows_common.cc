// The settings that every profile has.
#include <array>
#include <type_traits>

#include "server/setting_rows.h"
#include "server/settings.h"
#include "shard/doors.h"

namespace livehub::server {
namespace {

constexpr uint64_t kKilo = 1 << 10;
constexpr uint64_t kMega = 1 << 20;
constexpr uint64_t kGiga = 1 << 30;
constexpr uint64_t kDay = 86'400;
// A mirrored buffer is made of whole pages, and those have up to 64 KB.
constexpr uint64_t kBufferLeast = 64 * kKilo;

template <auto kMember>
void set_number(Settings& settings, const SettingValue& value) {
  auto& member = settings.engine.*kMember;
  member = static_cast<std::remove_reference_t<decltype(member)>>(value.number);
}

void set_profile(Settings& s, const SettingValue& value) { s.profile = value.text; }
void set_host(Settings& s, const SettingValue& value) { s.engine.host = value.text; }
void set_io(Settings& s, const SettingValue& value) { s.engine.io = value.text; }
void set_proxies(Settings& s, const SettingValue& value) { s.engine.trusted_proxies = value.text; }
void set_per_ip_mode(Settings& s, const SettingValue& value) {
  s.engine.per_ip_only_counts = value.text == "count";
}
void set_drain(Settings& s, const SettingValue& value) { s.engine.drain_seconds = value.seconds; }
void set_admin_host(Settings& s, const SettingValue& value) { s.admin_host = value.text; }
void set_log_format(Settings& s, const SettingValue& value) { s.log_format = value.text; }
void set_admin_token(Settings& s, const SettingValue& value) { s.admin_token = value.text; }
void set_log_level(Settings& s, const SettingValue& value) { s.log_level = value.text; }

void set_admin_port(Settings& s, const SettingValue& value) {
  s.admin_is_auto = value.is_auto;
  s.admin_port = static_cast<uint16_t>(value.number);
  if (value.number == 0 && !value.is_auto) s.admin_port.reset();
}

void set_slow_reader(Settings& s, const SettingValue& value) {
  s.engine.slow_reader = value.text == "skip"     ? SlowReader::kSkip
                         : value.text == "newest" ? SlowReader::kNewest
                                                  : SlowReader::kDisconnect;
}

void set_compression(Settings& s, const SettingValue& value) {
  s.engine.compress_websocket = value.text != "off";
  s.engine.compress_sse = value.text == "on";
}

using E = EngineOptions;
using T = SettingType;
constexpr std::string_view kCommon = "Common";
constexpr std::string_view kClients = "Clients";
constexpr std::string_view kMessages = "Messages and memory";
constexpr std::string_view kOperation = "Operation";

// One setting a row, names and type first; clang-format would give each field a line of its own.
// clang-format off
constexpr std::array kTable = {
    Setting{.name = "LIVEHUB_PROFILE", .group = kCommon, .type = T::kChoice,
            .default_text = "live-data",
            .help = "Which service's clients it speaks to.",
            .words = "live-data|chat", .apply = set_profile},
    Setting{.name = "PORT", .group = kCommon, .default_text = "8787",
            .help = "Where clients connect; 0 takes a free port.",
            .most = 65535, .apply = set_number<&E::port>},
    Setting{.name = "ADMIN_PORT", .group = kCommon, .default_text = "9091",
            .help = "Health and metrics; auto takes a free port, 0 turns the listener off.",
            .most = 65535, .words = "auto", .apply = set_admin_port},
    Setting{.name = "LIVEHUB_SHARDS", .group = kCommon, .default_text = "auto",
            .help = "Threads with a loop each; auto takes the CPU quota and affinity.",
            .least = 1, .most = shard::kShardsMax, .words = "auto",
            .apply = set_number<&E::shards>},
    Setting{.name = "LIVEHUB_IO", .group = kCommon, .type = T::kChoice, .default_text = "auto",
            .help = "How it talks to the kernel; auto probes and says what it chose and why.",
            .words = "auto|uring|epoll", .apply = set_io},
    Setting{.name = "LIVEHUB_CONFIG", .group = kCommon, .type = T::kFile,
            .help = "A TOML file with settings; its keys are the flags' names with _ for -."},

    Setting{.name = "LIVEHUB_HOST", .group = kClients, .type = T::kAddress,
            .help = "The address to listen on; without it all of them, IPv6 and IPv4.",
            .apply = set_host},
    Setting{.name = "LIVEHUB_CONNECTIONS_PER_SHARD", .group = kClients, .default_text = "auto",
            .help = "Connections a shard holds at most; auto takes what descriptors allow.",
            .least = 1, .most = kMega, .words = "auto",
            .apply = set_number<&E::sockets_per_shard_max>},
    Setting{.name = "SLOW_READER", .group = kClients, .type = T::kChoice,
            .default_text = "disconnect",
            .help = "What happens to a client that cannot keep up.",
            .words = "disconnect|skip|newest", .apply = set_slow_reader},
    Setting{.name = "HEARTBEAT_SECONDS", .group = kClients, .default_text = "15",
            .help = "SSE: a comment after that long with nothing sent.",
            .least = 1, .most = 3600, .unit = "seconds",
            .apply = set_number<&E::heartbeat_seconds>},
    Setting{.name = "PING_SECONDS", .group = kClients, .default_text = "15",
            .help = "WebSocket: a ping after that long with nothing received.",
            .least = 1, .most = 3600, .unit = "seconds", .apply = set_number<&E::ping_seconds>},
    Setting{.name = "PONG_SECONDS", .group = kClients, .default_text = "15",
            .help = "WebSocket: a client that answers no ping for that long is gone.",
            .least = 1, .most = 3600, .unit = "seconds", .apply = set_number<&E::pong_seconds>},
    Setting{.name = "HEAD_SECONDS", .group = kClients, .default_text = "10",
            .help = "A request whose head is not complete after that long is cut.",
            .least = 1, .most = 3600, .unit = "seconds", .apply = set_number<&E::head_seconds>},
    Setting{.name = "IDLE_SECONDS", .group = kClients, .default_text = "75",
            .help = "An HTTP connection without a request for that long is closed.",
            .least = 1, .most = kDay, .unit = "seconds", .apply = set_number<&E::idle_seconds>},
    Setting{.name = "CLOSE_SECONDS", .group = kClients, .default_text = "5",
            .help = "How long a closing connection may take to end properly.",
            .least = 1, .most = 600, .unit = "seconds", .apply = set_number<&E::close_seconds>},
    Setting{.name = "COMPRESSION", .group = kClients, .type = T::kChoice, .default_text = "off",
            .help = "websocket: with clients that offer permessage-deflate; on: SSE with gzip too.",
            .words = "off|websocket|on", .apply = set_compression},

    Setting{.name = "TRUSTED_PROXIES", .group = kClients, .type = T::kNetworks,
            .help = "Networks of proxies that say whose a connection is; on Fly 172.16.0.0/12.",
            .apply = set_proxies},
    Setting{.name = "MAX_CONNECTIONS_PER_IP", .group = kClients, .default_text = "0",
            .help = "Connections one address may have open, behind a proxy streams; 0: any.",
            .most = kMega, .apply = set_number<&E::connections_per_ip_max>},
    Setting{.name = "CONNECT_RATE_PER_IP", .group = kClients, .default_text = "0",
            .help = "New ones a minute for an address, which may come at once; 0: any.",
            .most = kMega, .unit = "connections",
            .apply = set_number<&E::connects_per_ip_per_minute>},
    Setting{.name = "PER_IP_MODE", .group = kClients, .type = T::kChoice,
            .default_text = "enforce",
            .help = "count lets in who is over the two limits, and only counts (/metrics).",
            .words = "enforce|count", .apply = set_per_ip_mode},

    Setting{.name = "HISTORY_COUNT", .group = kMessages, .default_text = "1000",
            .help = "Messages a channel keeps for clients that come back; 0 keeps none.",
            .most = 1'000'000, .unit = "messages", .apply = set_number<&E::history_count>},
    Setting{.name = "HISTORY_BYTES", .group = kMessages, .type = T::kBytes, .default_text = "4m",
            .help = "Bytes of messages a channel keeps at most.",
            .most = 64 * kGiga, .apply = set_number<&E::history_bytes>},
    Setting{.name = "HISTORY_SECONDS", .group = kMessages, .default_text = "300",
            .help = "How long a channel keeps a message at most.",
            .most = 30 * kDay, .unit = "seconds", .apply = set_number<&E::history_seconds>},
    Setting{.name = "MESSAGE_BYTES", .group = kMessages, .type = T::kBytes, .default_text = "1m",
            .help = "The largest message; without it at least what the profile lets in.",
            .least = kKilo, .most = kGiga, .apply = set_number<&E::message_bytes_max>},
    Setting{.name = "PUSH_WAIT_MS", .group = kMessages, .type = T::kMilliseconds,
            .default_text = "2000",
            .help = "How long a push may wait for room in the buffers before it is answered 503.",
            .most = 60'000, .apply = set_number<&E::push_wait_ms>},
    Setting{.name = "RING_BYTES", .group = kMessages, .type = T::kPowerOfTwo, .default_text = "1m",
            .help = "The buffer of a channel with many clients, on each shard.",
            .least = kBufferLeast, .most = kGiga, .apply = set_number<&E::ring_bytes>},
    Setting{.name = "ARENA_BYTES", .group = kMessages, .type = T::kPowerOfTwo, .default_text = "4m",
            .help = "The buffer that all other channels of a shard have together.",
            .least = kBufferLeast, .most = kGiga, .apply = set_number<&E::arena_bytes>},
    Setting{.name = "MEMORY_BYTES", .group = kMessages, .type = T::kBytes, .default_text = "auto",
            .help = "The budget for all of it; auto takes half of the machine's or container's.",
            .least = 16 * kMega, .most = 16 * kKilo * kGiga, .words = "auto",
            .apply = set_number<&E::memory_bytes>},

    Setting{.name = "ADMIN_HOST", .group = kOperation, .type = T::kAddress,
            .help = "Where the admin listener listens; without it both loopbacks, on Fly [::].",
            .apply = set_admin_host},
    Setting{.name = "ADMIN_TOKEN", .group = kOperation, .type = T::kSecret,
            .help = "Opens the admin page from elsewhere; without it only this machine sees it.",
            .least = 16, .apply = set_admin_token, .reloads = true},
    Setting{.name = "PUBLIC_READY", .group = kOperation, .type = T::kBool, .default_text = "1",
            .help = "Whether GET /_livehub/ready is answered on the clients' port too.",
            .apply = set_number<&E::public_ready>},
    Setting{.name = "DRAIN_SECONDS", .group = kOperation, .type = T::kSeconds, .default_text = "4",
            .help = "How long clients are told to leave, one after the other, before it ends.",
            .most = kDay, .apply = set_drain},
    Setting{.name = "LOG_LEVEL", .group = kOperation, .type = T::kChoice, .default_text = "info",
            .help = "The least severe lines of the log.",
            .words = "debug|info|warn|error", .apply = set_log_level, .reloads = true},
    Setting{.name = "LOG_FORMAT", .group = kOperation, .type = T::kChoice, .default_text = "auto",
            .help = "auto writes text on a terminal and one JSON object a line elsewhere.",
            .words = "auto|text|json", .apply = set_log_format},
    Setting{.name = "LIVEHUB_ECHO", .group = kOperation, .type = T::kBool, .default_text = "0",
            .help = "A WebSocket echo at /echo, for outside test suites.",
            .apply = set_number<&E::echo>},
};
// clang-format on

}  // namespace

std::span<const Setting> common_rows() { return kTable; }

}  // namespace livehub::server
