#include "server/admin_debug.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "server/admin_json.h"
#include "server/engine_state.h"
#include "server/metrics.h"

namespace livehub::server {
namespace {

using session::ChannelsLook;
using session::Look;
using session::LookFilter;

struct ChannelsPart {
  ChannelsLook look;
  uint32_t shard = 0;
  std::vector<session::BusyChannel> busiest;
};

struct EndedPart {
  uint32_t shard = 0;
  std::vector<session::Ended> ended;
};

// Looks on, slice by slice, and hands the whole over.
void look_on(Engine::State& hub, uint32_t id, session::Front& front,
             const std::shared_ptr<const LookFilter>& filter,
             const std::shared_ptr<Gather<Look>>& gather, const std::shared_ptr<Look>& look) {
  front.look_at_connections(*filter, *look);
  if (!look->is_done && look->looked_at >= AdminDebug::kLookedMost)
    look->is_done = look->is_cut = true;
  if (look->is_done) return gather->add(std::move(*look));
  (void)hub.on_shard(id, [&hub, filter, gather, look](uint32_t shard, session::Front& next_front,
                                                      io::Driver&, shard::Loop&) {
    look_on(hub, shard, next_front, filter, gather, look);
  });
}

void list_on(Engine::State& hub, uint32_t id, session::Front& front, const std::string& contains,
             size_t limit, const std::shared_ptr<Gather<ChannelsPart>>& gather,
             const std::shared_ptr<ChannelsLook>& look) {
  front.look_at_channels(contains, limit, *look);
  if (look->is_done)
    return gather->add(
        {std::move(*look), id, front.insight().busiest.top(session::Busiest::kKept)});
  (void)hub.on_shard(
      id, [&hub, contains, limit, gather, look](uint32_t shard, session::Front& next_front,
                                                io::Driver&, shard::Loop&) {
        list_on(hub, shard, next_front, contains, limit, gather, look);
      });
}

Json connection_json(const session::SeenConnection& c) {
  return {{"id", std::to_string(c.shard) + "-" + std::to_string(c.index) + "-" +
                     std::to_string(c.generation)},
          {"shard", c.shard},
          {"kind", kind_name(c.kind)},
          {"phase", c.phase},
          {"protocol", c.is_http_1_0 ? "HTTP/1.0" : "HTTP/1.1"},
          {"address", c.address},
          {"age_seconds", rounded(c.age_ms / 1000.0, 10)},
          {"quiet_seconds", rounded(c.quiet_ms / 1000.0, 10)},
          {"channels", c.channels},
          {"subscriptions", c.subscriptions},
          {"lag_messages", c.lag_messages},
          {"is_blocked", c.is_blocked},
          {"waiting_bytes", c.waiting_bytes},
          {"sent_bytes", c.sent_bytes},
          {"received_bytes", c.received_bytes},
          {"error", c.error}};
}

Reply connections_reply(const std::vector<Look>& looks, size_t missing, size_t limit) {
  Json rows = Json::array();
  uint64_t looked_at = 0;
  bool is_cut = false;
  for (const Look& look : looks) {
    looked_at += look.looked_at;
    is_cut = is_cut || look.is_cut;
    for (const auto& connection : look.seen) {
      if (rows.size() < limit)
        rows.push_back(connection_json(connection));
      else
        is_cut = true;
    }
  }
  return json_reply(200, text_of({{"connections", std::move(rows)},
                                  {"looked_at", looked_at},
                                  {"is_cut", is_cut},
                                  {"shards_missing", missing}}));
}

struct ChannelRow {
  uint32_t shard = 0;
  uint64_t subscribers = 0;
  double messages = 0;
  double bytes = 0;
};

Reply channels_reply(const std::vector<ChannelsPart>& parts, const std::string& contains,
                     size_t missing, size_t limit) {
  std::map<std::string, ChannelRow> rows;
  uint64_t looked_at = 0;
  bool is_cut = false;
  for (const ChannelsPart& part : parts) {
    looked_at += part.look.looked_at;
    is_cut = is_cut || part.look.is_cut;
    for (const auto& seen : part.look.seen) {
      rows[seen.channel].shard = seen.shard;
      rows[seen.channel].subscribers += seen.subscribers;
    }
    for (const auto& busy : part.busiest) {
      if (busy.channel.find(contains) == std::string::npos) continue;
      ChannelRow& row = rows[busy.channel];
      row.shard = part.shard;
      row.messages += busy.messages;
      row.bytes += busy.bytes;
    }
  }
  std::vector<std::pair<std::string, ChannelRow>> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    if (a.second.messages != b.second.messages) return a.second.messages > b.second.messages;
    return a.second.subscribers > b.second.subscribers;
  });
  if (sorted.size() > limit) {
    sorted.resize(limit);
    is_cut = true;
  }
  Json list = Json::array();
  for (const auto& [name, row] : sorted)
    list.push_back({{"channel", name},
                    {"shard", row.shard},
                    {"subscribers", row.subscribers},
                    {"messages", rounded(row.messages)},
                    {"bytes", rounded(row.bytes)}});
  return json_reply(200, text_of({{"channels", std::move(list)},
                                  {"looked_at", looked_at},
                                  {"is_cut", is_cut},
                                  {"shards_missing", missing}}));
}

Reply ended_reply(const std::vector<EndedPart>& parts, size_t missing, size_t limit) {
  std::vector<std::pair<session::Ended, uint32_t>> all;
  for (const EndedPart& part : parts)
    for (const session::Ended& ended : part.ended) all.emplace_back(ended, part.shard);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first.unix_ms > b.first.unix_ms; });
  if (all.size() > limit) all.resize(limit);
  Json rows = Json::array();
  for (const auto& [ended, shard] : all) rows.push_back(ended_json(ended, shard));
  return json_reply(200, text_of({{"ended", std::move(rows)}, {"shards_missing", missing}}));
}

template <typename Part>
bool is_ready(const Gather<Part>& gather, bool is_late) {
  return is_late || gather.is_complete();
}

std::optional<size_t> limit_of(const Request& request) {
  const auto text = request.query_value("limit");
  if (!text) return 100;
  size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  const bool is_number = error == std::errc() && end == text->data() + text->size();
  if (!is_number || limit < 1 || limit > AdminDebug::kLimitMost) return std::nullopt;
  return limit;
}

}  // namespace

Reply json_reply(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.content_type = "application/json; charset=utf-8";
  reply.headers.emplace_back("Cache-Control", "no-store");
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return reply;
}

Reply error_reply(int status, std::string_view sentence) {
  return json_reply(status, text_of({{"error", sentence}}));
}

bool AdminDebug::knows(std::string_view path) {
  return path == "/debug/connections" || path == "/debug/channels" || path == "/debug/ended" ||
         path == "/metrics";
}

AdminDebug::Answer AdminDebug::ask_connections(const Request& request, size_t limit) {
  auto filter = std::make_shared<LookFilter>();
  filter->channel = request.query_value("channel").value_or("");
  filter->address = request.query_value("address").value_or("");
  filter->most = limit;
  const std::string kind = request.query_value("kind").value_or("");
  filter->any_kind = kind.empty();
  bool is_kind = kind.empty();
  for (const auto known :
       {session::EndKind::kSse, session::EndKind::kWebSocket, session::EndKind::kHttp}) {
    if (kind != kind_name(known)) continue;
    filter->kind = known;
    is_kind = true;
  }
  if (!is_kind) return [](bool) { return error_reply(400, "kind is sse, websocket or http."); };
  const auto gather = std::make_shared<Gather<Look>>(waker_);
  Engine::State& hub = hub_.state();
  const std::shared_ptr<const LookFilter> asked = std::move(filter);
  gather->expect(hub.on_shards(
      [&hub, asked, gather](uint32_t id, session::Front& front, io::Driver&, shard::Loop&) {
        look_on(hub, id, front, asked, gather, std::make_shared<Look>());
      }));
  return [gather, limit](bool is_late) -> std::optional<Reply> {
    if (!is_ready(*gather, is_late)) return std::nullopt;
    std::vector<Look> looks = gather->take();
    const size_t missing = gather->expected() - looks.size();
    return connections_reply(looks, missing, limit);
  };
}

AdminDebug::Answer AdminDebug::ask_channels(const Request& request, size_t limit) {
  const std::string contains = request.query_value("contains").value_or("");
  const auto gather = std::make_shared<Gather<ChannelsPart>>(waker_);
  Engine::State& hub = hub_.state();
  gather->expect(hub.on_shards([&hub, contains, limit, gather](uint32_t id, session::Front& front,
                                                               io::Driver&, shard::Loop&) {
    list_on(hub, id, front, contains, limit, gather, std::make_shared<ChannelsLook>());
  }));
  return [gather, contains, limit](bool is_late) -> std::optional<Reply> {
    if (!is_ready(*gather, is_late)) return std::nullopt;
    const std::vector<ChannelsPart> parts = gather->take();
    return channels_reply(parts, contains, gather->expected() - parts.size(), limit);
  };
}

AdminDebug::Answer AdminDebug::ask_ended(size_t limit) {
  const auto gather = std::make_shared<Gather<EndedPart>>(waker_);
  gather->expect(hub_.state().on_shards(
      [gather, limit](uint32_t id, session::Front& front, io::Driver&, shard::Loop&) {
        gather->add({id, front.insight().closed.newest(limit)});
      }));
  return [gather, limit](bool is_late) -> std::optional<Reply> {
    if (!is_ready(*gather, is_late)) return std::nullopt;
    const std::vector<EndedPart> parts = gather->take();
    return ended_reply(parts, gather->expected() - parts.size(), limit);
  };
}

AdminDebug::Answer AdminDebug::ask_metrics() {
  const auto gather = std::make_shared<Gather<ShardSnapshot>>(waker_);
  gather->expect(hub_.state().on_shards(
      [gather](uint32_t id, session::Front& front, io::Driver& driver, shard::Loop& loop) {
        gather->add(Engine::State::shard_snapshot(id, front, driver, loop));
      }));
  return [this, gather](bool is_late) -> std::optional<Reply> {
    if (!is_ready(*gather, is_late)) return std::nullopt;
    std::vector<ShardSnapshot> snapshots = gather->take();
    std::sort(snapshots.begin(), snapshots.end(),
              [](const auto& a, const auto& b) { return a.shard < b.shard; });
    Reply reply = json_reply(200, metrics_text(hub_.state(), snapshots));
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return reply;
  };
}

void AdminDebug::ask(Exchange exchange, const Request& request, int64_t now_ns) {
  const std::string_view path = request.path();
  Answer answer;
  const std::optional<size_t> limit = limit_of(request);
  if (path == "/metrics")
    answer = ask_metrics();
  else if (!limit)
    return exchange.reply(error_reply(400, "limit is a whole number from 1 to 1000."));
  else if (path == "/debug/connections")
    answer = ask_connections(request, *limit);
  else if (path == "/debug/channels")
    answer = ask_channels(request, *limit);
  else
    answer = ask_ended(*limit);
  waiting_.push_back({exchange, now_ns + kPatienceNs, std::move(answer)});
  sweep(now_ns);
}

void AdminDebug::sweep(int64_t now_ns) {
  std::vector<Waiting> still;
  std::vector<Waiting> all;
  all.swap(waiting_);
  for (Waiting& waiting : all) {
    if (!waiting.exchange.is_open()) continue;
    if (auto reply = waiting.reply(now_ns >= waiting.until_ns))
      waiting.exchange.reply(*reply);
    else
      still.push_back(std::move(waiting));
  }
  // A reply may have let the next request of its connection in.
  for (Waiting& waiting : still) waiting_.push_back(std::move(waiting));
}

}  // namespace livehub::server
