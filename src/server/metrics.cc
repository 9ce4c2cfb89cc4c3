#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "server/admin_json.h"
#include "server/engine_state.h"

namespace livehub::server {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class Families {
 public:
  void begin(const char* name, const char* help, bool is_counter) {
    families_.push_back({});
    families_.back().name = name;
    families_.back().help = help;
    families_.back().type =
        is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  }
  void add(double value, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == prometheus::MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void begin_histogram(const char* name, const char* help) {
    begin(name, help, false);
    families_.back().type = prometheus::MetricType::Histogram;
  }
  // In buckets that end at powers of two of nanoseconds: there the counts are exact.
  void add(const base::Histogram& times, Labels labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = times.count();
    metric.histogram.sample_sum = static_cast<double>(times.sum_ns()) / 1e9;
    for (int bit = kFirstBucketBit; bit <= kLastBucketBit; ++bit)
      metric.histogram.bucket.push_back(
          {times.below(bit), static_cast<double>(uint64_t{1} << bit) / 1e9});
    metric.histogram.bucket.push_back({times.count(), std::numeric_limits<double>::infinity()});
    families_.back().metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  static constexpr int kFirstBucketBit = 14;  // 16 us
  static constexpr int kLastBucketBit = 33;   // 8.6 s

  std::vector<prometheus::MetricFamily> families_;
};

// One number per shard.
struct Column {
  const char* name;
  const char* help;
  bool is_counter;
  double (*value)(const ShardSnapshot&);
};

#define LIVEHUB_CELL(expression) \
  [](const ShardSnapshot& s) { return static_cast<double>(s.expression); }

constexpr Column kColumns[] = {
    {"livehub_accepted_total", "Connections accepted.", true, LIVEHUB_CELL(session.accepted)},
    {"livehub_closed_total", "Connections ended.", true, LIVEHUB_CELL(session.closed)},
    {"livehub_address_too_many_total",
     "Connections over MAX_CONNECTIONS_PER_IP, refused or only counted (PER_IP_MODE).", true,
     LIVEHUB_CELL(session.address_too_many)},
    {"livehub_address_too_fast_total",
     "Connections over CONNECT_RATE_PER_IP, refused or only counted (PER_IP_MODE).", true,
     LIVEHUB_CELL(session.address_too_fast)},
    {"livehub_address_uncounted_total",
     "Connections that no limit per address was asked for: too many addresses at once.", true,
     LIVEHUB_CELL(session.address_uncounted)},
    {"livehub_sockets", "Sockets open now.", false, LIVEHUB_CELL(sockets_open)},
    {"livehub_sockets_max", "Sockets this shard can hold.", false, LIVEHUB_CELL(sockets_max)},
    {"livehub_http_requests_total", "Request heads read.", true,
     LIVEHUB_CELL(session.http_requests)},
    {"livehub_http_bad_total", "Requests refused as malformed, too large or too slow.", true,
     LIVEHUB_CELL(session.http_bad)},
    {"livehub_fed_total", "Messages that came from a source.", true, LIVEHUB_CELL(owner.fed)},
    {"livehub_source_gaps_total", "Gaps in what a source sent, told to clients.", true,
     LIVEHUB_CELL(owner.feed_gaps)},
    {"livehub_source_waits_over_total", "Joins that went on without their broker.", true,
     LIVEHUB_CELL(owner.feed_waits_over)},
    {"livehub_resumes_held_total", "Resumes from beyond what was read of the broker: they waited.",
     true, LIVEHUB_CELL(owner.held_replays)},
    {"livehub_slow_heads_total", "Requests cut because they took too long.", true,
     LIVEHUB_CELL(session.slow_heads)},
    {"livehub_received_bytes_total", "Bytes received from clients.", true,
     LIVEHUB_CELL(session.bytes_in)},
    {"livehub_sent_bytes_total", "Bytes sent to clients.", true, LIVEHUB_CELL(fanout.sent_bytes)},
    {"livehub_websocket_messages_in_total", "Messages from WebSocket clients.", true,
     LIVEHUB_CELL(session.ws_messages_in)},
    {"livehub_websocket_bad_total", "WebSockets failed with 1002, 1007, 1008 or 1009.", true,
     LIVEHUB_CELL(session.ws_bad)},
    {"livehub_websocket_compressed_in_total", "Of the messages from clients, those compressed.",
     true, LIVEHUB_CELL(session.ws_compressed_in)},
    {"livehub_compressed_streams_total", "Streams opened with compression agreed to (COMPRESSION).",
     true, LIVEHUB_CELL(session.streams_compressed)},
    {"livehub_compressions_total", "Messages compressed: each at most once on a shard.", true,
     LIVEHUB_CELL(session.compressions)},
    {"livehub_compressions_in_vain_total", "Messages that would not have become smaller.", true,
     LIVEHUB_CELL(session.compressions_in_vain)},
    {"livehub_compressed_from_bytes_total", "Bytes of the compressed messages before.", true,
     LIVEHUB_CELL(session.compressed_from_bytes)},
    {"livehub_compressed_to_bytes_total", "Bytes of them afterwards.", true,
     LIVEHUB_CELL(session.compressed_to_bytes)},
    {"livehub_pings_total", "WebSocket pings sent.", true, LIVEHUB_CELL(session.pings_sent)},
    {"livehub_heartbeats_total", "SSE heartbeat comments sent.", true,
     LIVEHUB_CELL(session.heartbeats_sent)},
    {"livehub_dead_peers_total", "WebSockets that did not answer a ping.", true,
     LIVEHUB_CELL(session.dead_peers)},
    {"livehub_messages_total", "Messages sequenced by the channels this shard owns.", true,
     LIVEHUB_CELL(owner.published)},
    {"livehub_appends_total", "Frames appended to streams (a message once per encoding).", true,
     LIVEHUB_CELL(fanout.appends)},
    {"livehub_deliveries_total", "Frames sent to subscribers.", true,
     LIVEHUB_CELL(fanout.deliveries)},
    {"livehub_sends_total", "Send operations; deliveries over sends is the coalescing.", true,
     LIVEHUB_CELL(fanout.sends)},
    {"livehub_short_sends_total", "Sends that the kernel took in part.", true,
     LIVEHUB_CELL(fanout.short_sends)},
    {"livehub_blocked_sends_total", "Sends that found the socket full.", true,
     LIVEHUB_CELL(fanout.blocked_sends)},
    {"livehub_lapped_total", "Slow subscribers that were overtaken.", true,
     LIVEHUB_CELL(fanout.lapped)},
    {"livehub_slow_reader_closes_total", "Slow subscribers that were disconnected.", true,
     LIVEHUB_CELL(session.lapped_closed)},
    {"livehub_append_waits_total", "Times ingestion waited for subscribers that keep up.", true,
     LIVEHUB_CELL(fanout.append_waits)},
    {"livehub_resumes_local_total", "Resumptions served by the local stream.", true,
     LIVEHUB_CELL(hub.local_resumes)},
    {"livehub_replay_windows_total", "Windows of history asked for by resuming clients.", true,
     LIVEHUB_CELL(hub.replay_windows)},
    {"livehub_memory_resets_total", "Connections reset because the memory budget was used up.",
     true, LIVEHUB_CELL(session.memory_resets)},
    {"livehub_channels", "Channels with local subscribers.", false, LIVEHUB_CELL(channels)},
    {"livehub_owned_channels", "Channels this shard sequences.", false,
     LIVEHUB_CELL(owned_channels)},
    {"livehub_subscriptions", "Subscriptions.", false, LIVEHUB_CELL(subscriptions)},
    {"livehub_streams", "Streams (channel and encoding).", false, LIVEHUB_CELL(streams)},
    {"livehub_hot_streams", "Streams with a ring of their own.", false, LIVEHUB_CELL(hot_streams)},
    {"livehub_history_bytes", "Bytes of message history.", false, LIVEHUB_CELL(history_bytes)},
    {"livehub_history_messages", "Messages of history.", false, LIVEHUB_CELL(history_messages)},
    {"livehub_arena_bytes", "Bytes used of the arena.", false, LIVEHUB_CELL(arena_bytes)},
    {"livehub_arena_bytes_max", "Bytes of the arena.", false, LIVEHUB_CELL(arena_bytes_max)},
    {"livehub_ring_bytes", "Bytes of all rings of hot streams.", false, LIVEHUB_CELL(rings_bytes)},
    {"livehub_ring_used_bytes", "Bytes used of them.", false, LIVEHUB_CELL(rings_used_bytes)},
    {"livehub_fed_in_vain_total", "Messages of a source that nobody here wants any more.", true,
     LIVEHUB_CELL(owner.fed_in_vain)},
    {"livehub_shard_memory_bytes", "Bytes this shard charges to the memory budget.", false,
     LIVEHUB_CELL(memory_bytes)},
    {"livehub_loop_turns_total", "Turns of the loop.", true, LIVEHUB_CELL(loop.turns)},
    {"livehub_loop_busy_turns_total", "Turns that did not sleep.", true,
     LIVEHUB_CELL(loop.busy_turns)},
    {"livehub_loop_awake_seconds_total", "Time in which the loop was not asleep.", true,
     [](const ShardSnapshot& s) { return static_cast<double>(s.loop.awake_ns) / 1e9; }},
};

#undef LIVEHUB_CELL

Labels shard_label(const ShardSnapshot& s) { return {{"shard", std::to_string(s.shard)}}; }

// Families whose series have a label beside the shard.
void add_labelled(Families& families, const std::vector<ShardSnapshot>& shards) {
  const auto with = [](const ShardSnapshot& s, const char* name, std::string value) {
    Labels labels = shard_label(s);
    labels.push_back({name, std::move(value)});
    return labels;
  };
  families.begin("livehub_connections", "Open streams by kind.", false);
  for (const auto& s : shards) {
    families.add(static_cast<double>(s.session.open_sse), with(s, "kind", "sse"));
    families.add(static_cast<double>(s.session.open_ws), with(s, "kind", "websocket"));
  }
  families.begin("livehub_refused_total", "Connections refused, by reason.", true);
  for (const auto& s : shards) {
    families.add(static_cast<double>(s.session.refused_slots), with(s, "reason", "slots"));
    families.add(static_cast<double>(s.session.refused_memory), with(s, "reason", "memory"));
  }
  families.begin("livehub_publishes_total", "Publishes by result.", true);
  for (const auto& s : shards) {
    families.add(static_cast<double>(s.session.publishes_accepted), with(s, "result", "accepted"));
    families.add(static_cast<double>(s.session.publishes_busy), with(s, "result", "busy"));
    families.add(static_cast<double>(s.session.publishes_refused), with(s, "result", "refused"));
  }
  families.begin("livehub_http_replies_total", "Replies by status.", true);
  for (const auto& s : shards)
    for (const auto& [status, count] : s.session.http_by_status)
      families.add(static_cast<double>(count), with(s, "status", std::to_string(status)));
  families.begin("livehub_websocket_closes_total", "WebSockets ended, by close code.", true);
  for (const auto& s : shards)
    for (const auto& [code, count] : s.session.ws_closes_by_code)
      families.add(static_cast<double>(count), with(s, "code", std::to_string(code)));
}

// Why streams ended, what was missed, who was refused: by reason.
void add_reasons(Families& families, const std::vector<ShardSnapshot>& shards) {
  const auto with = [](const ShardSnapshot& s, Labels more) {
    Labels labels = shard_label(s);
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
  };
  families.begin("livehub_gaps_total", "Gaps told to clients, by reason.", true);
  for (const auto& s : shards)
    for (size_t i = 0; i < s.session.gaps_by_reason.size(); ++i)
      families.add(static_cast<double>(s.session.gaps_by_reason[i]),
                   with(s, {{"reason", std::string(gap_name(static_cast<Gap>(i)))}}));
  families.begin("livehub_auth_failures_total", "Requests that were not let in, by reason.", true);
  for (const auto& s : shards)
    for (const auto& [status, reason] : {std::pair{401, "token"}, std::pair{403, "forbidden"}}) {
      const auto found = s.session.http_by_status.find(status);
      const uint64_t count = found == s.session.http_by_status.end() ? 0 : found->second;
      families.add(static_cast<double>(count), with(s, {{"reason", reason}}));
    }
  families.begin("livehub_ends_total", "Streams ended, and requests refused, by kind and cause.",
                 true);
  for (const auto& s : shards)
    for (size_t kind = 0; kind < session::kEndKinds; ++kind)
      for (size_t cause = 0; cause < session::kCauses; ++cause) {
        const uint64_t count = s.ended[kind][cause];
        if (count == 0) continue;
        const std::string name(session::cause_name(static_cast<session::Cause>(cause)));
        families.add(
            static_cast<double>(count),
            with(s, {{"kind", kind_name(static_cast<session::EndKind>(kind))}, {"cause", name}}));
      }
}

void add_histograms(Families& families, const std::vector<ShardSnapshot>& shards) {
  families.begin_histogram("livehub_loop_turn_seconds",
                           "How long a turn of the loop took once it was awake.");
  for (const auto& s : shards) families.add(s.loop.awake, shard_label(s));
  families.begin_histogram("livehub_delivery_seconds",
                           "From a message's arrival to the end of the flush that sent it: the "
                           "oldest of each flush, to all who could be sent to.");
  for (const auto& s : shards) families.add(s.delivery, shard_label(s));
}

// The links of the sources; their names are few and fixed.
void add_links(Families& families, const Engine::State& state) {
  const std::vector<LinkState> links = state.links();
  families.begin("livehub_link_up", "1 while a link to a broker or backend carries messages.",
                 false);
  for (const LinkState& link : links) families.add(link.is_up ? 1 : 0, {{"link", link.name}});
  families.begin("livehub_link_needed", "1 if readiness is red while the link is down.", false);
  for (const LinkState& link : links) families.add(link.is_needed ? 1 : 0, {{"link", link.name}});
  families.begin("livehub_link_state_seconds", "How long a link has been up, or down.", false);
  for (const LinkState& link : links) families.add(link.state_seconds, {{"link", link.name}});
  families.begin("livehub_link_quiet_seconds", "Since a link was last proven alive.", false);
  for (const LinkState& link : links) families.add(link.quiet_seconds, {{"link", link.name}});
  families.begin("livehub_link_reconnects_total", "Times a link was made again.", true);
  for (const LinkState& link : links)
    families.add(static_cast<double>(link.reconnects), {{"link", link.name}});
  families.begin("livehub_link_failures_total", "Commands over a link that failed.", true);
  for (const LinkState& link : links)
    if (link.failures) families.add(static_cast<double>(*link.failures), {{"link", link.name}});
  families.begin("livehub_feed_refused_total", "Messages of sources that the gate refused.", true);
  families.add(static_cast<double>(
      state.shared().refused_by_gate.load(std::memory_order_relaxed)));  // relaxed: a counter
}

// The canaries: of every shard, and of the sources whose way is watched now.
void add_canaries(Families& families, const Engine::State& state) {
  const session::Canaries* canaries = state.shared().canaries.get();
  if (!canaries) return;
  const int64_t now_ns = base::monotonic_ns();
  const auto seconds = [](int64_t ns) { return static_cast<double>(ns) / 1e9; };
  families.begin("livehub_canary_age_seconds",
                 "Since the newest canary that came to a shard, by its neighbour, was sent.",
                 false);
  for (uint32_t shard = 0; shard < canaries->shards(); ++shard)
    families.add(seconds(canaries->shard_age_ns(shard, now_ns)),
                 {{"shard", std::to_string(shard)}});
  families.begin("livehub_source_canary_age_seconds",
                 "Since the newest canary that came back through a source, to the shard that waits "
                 "longest, was sent; absent while a link is down or the broker refuses canaries.",
                 false);
  for (uint32_t source = 0; source < canaries->sources(); ++source)
    if (const auto age_ns = canaries->source_age_ns(source, now_ns))
      families.add(seconds(*age_ns), {{"source", canaries->name_of(source)}});
  families.begin("livehub_source_rebuilds_total",
                 "Times a source's links were made anew because no canary came back.", true);
  for (uint32_t source = 0; source < canaries->sources(); ++source)
    if (!canaries->name_of(source).empty())
      families.add(static_cast<double>(canaries->rebuilds(source)),
                   {{"source", canaries->name_of(source)}});
}

}  // namespace

std::string metrics_text(const Engine::State& state, const std::vector<ShardSnapshot>& shards) {
  Families families;
  families.begin("livehub_build_info", "Always 1.", false);
  families.add(1, {{"version", LIVEHUB_VERSION}});
  families.begin("livehub_resident_bytes", "Resident memory of the process.", false);
  families.add(resident_bytes());
  families.begin("livehub_memory_budget_bytes", "The memory budget.", false);
  families.add(static_cast<double>(state.shared().budget.bytes_max()));
  families.begin("livehub_memory_used_bytes", "What is charged to it.", false);
  families.add(static_cast<double>(state.shared().budget.used()));
  families.begin("livehub_draining", "1 while this process says good-bye.", false);
  families.add(state.shared().is_draining.load(std::memory_order_relaxed) ? 1 : 0);
  families.begin("livehub_shards", "Shards there are.", false);
  families.add(state.shard_count());
  families.begin("livehub_shards_answering", "Shards that answered this scrape in time.", false);
  families.add(static_cast<double>(shards.size()));
  for (const Column& column : kColumns) {
    families.begin(column.name, column.help, column.is_counter);
    for (const auto& s : shards) families.add(column.value(s), shard_label(s));
  }
  add_labelled(families, shards);
  add_reasons(families, shards);
  add_histograms(families, shards);
  add_links(families, state);
  add_canaries(families, state);
  return families.text();
}

}  // namespace livehub::server
