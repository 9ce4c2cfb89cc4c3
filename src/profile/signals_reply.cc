#include "profile/signals_reply.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/json_gate.h"

namespace livehub::profile {
namespace {

std::string fixed(double value) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 2);
  return {text.data(), end.ptr};
}

std::string age_of(const StreamFacts& facts) {
  if (!facts.is_known || facts.newest_ms == 0) return "null";
  return std::to_string(std::max<int64_t>(0, facts.now_ms - facts.newest_ms));
}

std::string detail(std::string_view type, std::string_view name, std::string_view message,
                   std::string_view input, std::string_view context) {
  std::string out = "{\"detail\":[{\"type\":" + wire::json_quote(type);
  out += ",\"loc\":[\"query\"," + wire::json_quote(name) + "],\"msg\":" + wire::json_quote(message);
  out += ",\"input\":" + wire::json_quote(input);
  if (!context.empty()) out += ",\"ctx\":" + std::string(context);
  return out + "}]}";
}

}  // namespace

Headers signals_cors(const auth::OriginList& origins, std::string_view origin) {
  Headers headers;
  if (origins.any()) {
    headers.emplace_back("Access-Control-Allow-Origin", "*");
    return headers;
  }
  if (!origin.empty() && origins.allows(origin))
    headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  headers.emplace_back("Vary", "Origin");
  return headers;
}

Reply signals_json(Headers headers, int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.content_type = "application/json";
  reply.headers = std::move(headers);
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

std::string wrong_mode(std::string_view input) {
  return detail("string_pattern_mismatch", "mode", "String should match pattern '^(paper|live)$'",
                input, "{\"pattern\":\"^(paper|live)$\"}");
}

std::string wrong_limit(std::string_view name, std::string_view input) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(input.data(), input.data() + input.size(), value);
  const bool is_whole = end == input.data() + input.size() && !input.empty();
  if (!is_whole || error == std::errc::invalid_argument)
    return detail("int_parsing", name,
                  "Input should be a valid integer, unable to parse string as an integer", input,
                  {});
  if (error == std::errc() && value < 1)
    return detail("greater_than_equal", name, "Input should be greater than or equal to 1", input,
                  "{\"ge\":1}");
  return detail("less_than_equal", name, "Input should be less than or equal to 1000", input,
                "{\"le\":1000}");
}

std::string status_health(const SignalsHealth& health) {
  const char* redis = health.is_up ? "up" : "down";
  return std::string("{\"status\":\"") + (health.is_up ? "healthy" : "degraded") +
         "\",\"timestamp\":" + std::to_string(health.now_ms) +
         ",\"version\":\"" LIVEHUB_VERSION "\",\"services\":{\"redis\":\"" + redis +
         "\",\"api\":\"up\"}}";
}

std::string plain_health(const SignalsHealth& health, const StreamFacts& facts, uint64_t read_ms) {
  const bool is_fine = health.is_up && facts.is_known;
  // What has been written and not been read here yet; nothing is read while nobody listens.
  const int64_t lag_ms =
      read_ms == 0 ? 0 : std::max<int64_t>(0, facts.newest_ms - static_cast<int64_t>(read_ms));
  std::string out = std::string("{\"status\":\"") + (is_fine ? "ok" : "degraded") + "\"";
  out += ",\"redis_ping_ms\":" + (health.ping_ms < 0 ? "null" : fixed(health.ping_ms));
  out += ",\"stream_lag_ms\":" + (facts.is_known ? std::to_string(lag_ms) : "null");
  out += ",\"last_event_age_ms\":" + age_of(facts);
  out += ",\"uptime_s\":" + std::to_string(health.uptime_seconds);
  out += ",\"timestamp\":" + std::to_string(health.now_ms);
  return out + "}";
}

std::string sse_health(const SignalsHealth& health, const StreamFacts& facts,
                       const SignalsTally& tally) {
  const auto count = [](const std::atomic<uint64_t>& value) {
    return std::to_string(value.load(std::memory_order_relaxed));
  };
  int64_t open = 0;
  for (const auto& each : tally.open) open += each.load(std::memory_order_relaxed);
  const char* redis = health.is_up ? "ok" : "error";
  const char* stream = facts.is_known ? "ok" : "error";
  std::string out =
      std::string("{\"status\":\"") + (health.is_up && facts.is_known ? "healthy" : "degraded");
  out += std::string("\",\"checks\":{\"redis\":\"") + redis + "\",\"stream\":\"" + stream + "\"}";
  out += ",\"metrics\":{\"stream_length\":" + std::to_string(facts.length);
  out += ",\"last_event_age_ms\":" + age_of(facts);
  out += ",\"active_connections\":" + std::to_string(open);
  out += ",\"total_connections\":" + count(tally.connections);
  out += ",\"total_messages_sent\":" + count(tally.sent);
  out += ",\"total_dropped\":" + count(tally.skipped);
  out += ",\"slow_clients_detected\":" + count(tally.slow);
  return out + "},\"redis_ok\":" + (health.is_up ? "true" : "false") + "}";
}

std::string signals_metrics(const SignalsTally& tally) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view help, uint64_t value) {
    out += "# HELP " + std::string(name) + " " + std::string(help) + "\n";
    out += "# TYPE " + std::string(name) + " counter\n";
    out += std::string(name) + " " + std::to_string(value) + "\n";
  };
  add("api_request_count_total", "Requests, streams included.",
      tally.requests.load(std::memory_order_relaxed));
  add("signals_entries_skipped_total", "Entries that were no signal.",
      tally.skipped.load(std::memory_order_relaxed));
  add("signals_sent_total", "Signals times the streams that were open.",
      tally.sent.load(std::memory_order_relaxed));
  return out;
}

std::string uuid_of(uint64_t high, uint64_t low) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  high = (high & ~uint64_t{0xf000}) | 0x4000;              // version 4
  low = (low & ~(uint64_t{3} << 62)) | uint64_t{2} << 62;  // RFC 4122's variant
  std::string out;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    const uint64_t half = i < 16 ? high : low;
    out += kDigits[half >> (60 - 4 * (i % 16)) & 15];
  }
  return out;
}

}  // namespace livehub::profile
