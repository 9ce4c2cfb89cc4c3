#include "server/admin_overview.h"

#include <algorithm>

#include "base/clock.h"
#include "server/admin_json.h"
#include "session/ready.h"

namespace livehub::server {
namespace {

uint64_t auth_failures(const ShardSnapshot& s) {
  uint64_t failures = 0;
  for (const int status : {401, 403})
    if (const auto found = s.session.http_by_status.find(status);
        found != s.session.http_by_status.end())
      failures += found->second;
  return failures;
}

struct Flow {
  const char* name;
  uint64_t (*value)(const ShardSnapshot&);
};

constexpr Flow kFlows[] = {
    {"accepts", [](const ShardSnapshot& s) { return s.session.accepted; }},
    {"ends", [](const ShardSnapshot& s) { return s.session.closed; }},
    {"requests", [](const ShardSnapshot& s) { return s.session.http_requests; }},
    {"publishes", [](const ShardSnapshot& s) { return s.session.publishes_accepted; }},
    {"messages", [](const ShardSnapshot& s) { return s.owner.published + s.owner.fed; }},
    {"deliveries", [](const ShardSnapshot& s) { return s.fanout.deliveries; }},
    {"sends", [](const ShardSnapshot& s) { return s.fanout.sends; }},
    {"bytes_in", [](const ShardSnapshot& s) { return s.session.bytes_in; }},
    {"bytes_out", [](const ShardSnapshot& s) { return s.fanout.sent_bytes; }},
    {"drops", [](const ShardSnapshot& s) { return s.fanout.lapped; }},
    {"gaps", [](const ShardSnapshot& s) { return s.session.gaps_told; }},
    {"auth_failures", auth_failures},
};
// Those that each shard shows for itself.
constexpr std::string_view kShardFlows[] = {"messages", "deliveries", "bytes_in", "bytes_out"};

double share(uint64_t part, uint64_t whole) {
  return whole > 0 ? rounded(static_cast<double>(part) / static_cast<double>(whole), 10000) : 0;
}

double rate(uint64_t now, uint64_t before, double seconds) {
  return seconds > 0 && now >= before ? rounded(static_cast<double>(now - before) / seconds) : 0;
}

}  // namespace

AdminOverview::AdminOverview(Engine& hub, std::string profile)
    : hub_(hub), profile_(std::move(profile)), started_ns_(base::monotonic_ns()) {}

const AdminOverview::Part* AdminOverview::Sample::of_shard(uint32_t shard) const {
  for (const Part& part : parts)
    if (part.cells.shard == shard) return &part;
  return nullptr;
}

void AdminOverview::tick(int64_t now_ns, int64_t unix_ms) {
  const std::lock_guard guard(mutex_);
  if (!gather_) {
    if (asked_ns_ == 0 || now_ns - asked_ns_ >= kPeriodNs) begin(now_ns);
    return;
  }
  if (gather_->is_complete() || now_ns - asked_ns_ >= kPeriodNs) finish(now_ns, unix_ms);
}

void AdminOverview::begin(int64_t now_ns) {
  asked_ns_ = now_ns;
  gather_ = std::make_shared<Gather<Part>>();
  const auto gather = gather_;
  const auto names = std::make_shared<const std::vector<std::string>>(names_);
  gather_->expect(hub_.state().on_shards(
      [gather, names](uint32_t id, session::Front& front, io::Driver& driver, shard::Loop& loop) {
        Part part;
        part.cells = Engine::State::shard_snapshot(id, front, driver, loop);
        part.busiest = front.insight().busiest.top(kBusiest);
        part.ended = front.insight().closed.newest(kEnded);
        for (const std::string& name : *names)
          part.subscribers.push_back(front.subscribers_of(name));
        gather->add(std::move(part));
      }));
}

void AdminOverview::finish(int64_t now_ns, int64_t unix_ms) {
  Sample sample{asked_ns_, gather_->take()};
  const size_t missing = gather_->expected() - std::min(gather_->expected(), sample.parts.size());
  gather_.reset();
  std::sort(sample.parts.begin(), sample.parts.end(),
            [](const Part& a, const Part& b) { return a.cells.shard < b.cells.shard; });
  const double seconds =
      last_.taken_ns > 0 ? static_cast<double>(sample.taken_ns - last_.taken_ns) / 1e9 : 0;
  Json document;
  document["at_ms"] = unix_ms;
  document["version"] = LIVEHUB_VERSION;
  document["profile"] = profile_;
  document["io"] = hub_.io_sentence();
  document["port"] = hub_.port();
  document["uptime_seconds"] = rounded(static_cast<double>(now_ns - started_ns_) / 1e9, 10);
  add_state(document, sample);
  document["shards_missing"] = missing;
  add_rates(document, sample, seconds);
  document["shards"] = Json::array();
  for (const Part& part : sample.parts)
    document["shards"].push_back(shard_json(part, last_.of_shard(part.cells.shard), seconds));
  document["links"] = links_json();
  document["busiest"] = busiest_json(sample);
  document["ended"] = ended_json(sample);
  remember(document);
  document_ = text_of(document);
  ++sequence_;
  last_ = std::move(sample);
}

void AdminOverview::add_state(Json& document, const Sample& sample) const {
  const session::Shared& shared = hub_.state().shared();
  document["is_draining"] = shared.is_draining.load(std::memory_order_relaxed);
  const Json ready = Json::parse(session::ready_reply(shared, false).body, nullptr, false);
  document["ready"] = ready.value("ready", false);
  document["wrong"] = ready.value("wrong", Json::array());
  uint64_t sse = 0, websocket = 0, sockets = 0, sockets_max = 0;
  for (const Part& part : sample.parts) {
    sse += part.cells.session.open_sse;
    websocket += part.cells.session.open_ws;
    sockets += part.cells.sockets_open;
    sockets_max += part.cells.sockets_max;
  }
  document["connections"] = {
      {"sse", sse}, {"websocket", websocket}, {"sockets", sockets}, {"sockets_max", sockets_max}};
  document["memory"] = {{"used_bytes", shared.budget.used()},
                        {"budget_bytes", shared.budget.bytes_max()},
                        {"resident_bytes", static_cast<uint64_t>(resident_bytes())}};
}

void AdminOverview::add_rates(Json& document, const Sample& sample, double seconds) const {
  for (const Flow& flow : kFlows) {
    uint64_t total = 0, now = 0, before = 0;
    for (const Part& part : sample.parts) {
      total += flow.value(part.cells);
      const Part* old = last_.of_shard(part.cells.shard);
      if (!old) continue;
      now += flow.value(part.cells);
      before += flow.value(old->cells);
    }
    document["rates"][flow.name] = rate(now, before, seconds);
    document["totals"][flow.name] = total;
  }
  base::Histogram loop, delivery;
  for (const Part& part : sample.parts) {
    const Part* old = last_.of_shard(part.cells.shard);
    if (!old) continue;
    loop.add(part.cells.loop.awake.since(old->cells.loop.awake));
    delivery.add(part.cells.delivery.since(old->cells.delivery));
  }
  document["loop_ms"] = times_json(loop);
  document["delivery_ms"] = times_json(delivery);
}

Json AdminOverview::shard_json(const Part& now, const Part* before, double seconds) const {
  const ShardSnapshot& s = now.cells;
  const ShardSnapshot& old = before ? before->cells : s;
  Json json = {{"shard", s.shard},
               {"sse", s.session.open_sse},
               {"websocket", s.session.open_ws},
               {"sockets", s.sockets_open},
               {"sockets_max", s.sockets_max}};
  for (const std::string_view name : kShardFlows)
    for (const Flow& flow : kFlows)
      if (flow.name == name) json[flow.name] = rate(flow.value(s), flow.value(old), seconds);
  json["loop_ms"] = times_json(s.loop.awake.since(old.loop.awake));
  json["delivery_ms"] = times_json(s.delivery.since(old.delivery));
  json["busy"] =
      rounded(std::min(1.0, rate(s.loop.awake_ns, old.loop.awake_ns, seconds) / 1e9), 10000);
  json["channels"] = s.channels;
  json["owned_channels"] = s.owned_channels;
  json["subscriptions"] = s.subscriptions;
  json["streams"] = s.streams;
  json["hot_streams"] = s.hot_streams;
  json["memory_bytes"] = s.memory_bytes;
  json["history_messages"] = s.history_messages;
  json["history_bytes"] = s.history_bytes;
  json["arena_fill"] = share(s.arena_bytes, s.arena_bytes_max);
  json["ring_fill"] = share(s.rings_used_bytes, s.rings_bytes);
  return json;
}

Json AdminOverview::busiest_json(const Sample& sample) {
  struct Busy {
    session::BusyChannel channel;
    uint32_t shard;
  };
  std::vector<Busy> all;
  for (const Part& part : sample.parts)
    for (const session::BusyChannel& channel : part.busiest)
      all.push_back({channel, part.cells.shard});
  std::sort(all.begin(), all.end(),
            [](const Busy& a, const Busy& b) { return a.channel.messages > b.channel.messages; });
  if (all.size() > kBusiest) all.resize(kBusiest);
  Json out = Json::array();
  std::vector<std::string> names;
  for (const Busy& busy : all) {
    uint64_t subscribers = 0;
    const auto place = std::find(names_.begin(), names_.end(), busy.channel.channel);
    const auto index = static_cast<size_t>(place - names_.begin());
    if (place != names_.end())
      for (const Part& part : sample.parts)
        if (index < part.subscribers.size()) subscribers += part.subscribers[index];
    names.push_back(busy.channel.channel);
    out.push_back({{"channel", busy.channel.channel},
                   {"shard", busy.shard},
                   {"messages", rounded(busy.channel.messages)},
                   {"bytes", rounded(busy.channel.bytes)},
                   {"subscribers", subscribers}});
  }
  names_ = std::move(names);
  return out;
}

Json AdminOverview::ended_json(const Sample& sample) const {
  std::vector<std::pair<session::Ended, uint32_t>> all;
  for (const Part& part : sample.parts)
    for (const session::Ended& ended : part.ended) all.emplace_back(ended, part.cells.shard);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first.unix_ms > b.first.unix_ms; });
  if (all.size() > kEnded) all.resize(kEnded);
  Json out = Json::array();
  for (const auto& [ended, shard] : all) out.push_back(server::ended_json(ended, shard));
  return out;
}

Json AdminOverview::links_json() const {
  Json out = Json::array();
  for (const LinkState& link : hub_.state().links())
    out.push_back({{"name", link.name},
                   {"is_up", link.is_up},
                   {"is_needed", link.is_needed},
                   {"state_seconds", rounded(link.state_seconds, 10)},
                   {"quiet_seconds", rounded(link.quiet_seconds, 10)},
                   {"reconnects", link.reconnects},
                   {"problem", link.problem}});
  return out;
}

void AdminOverview::remember(const Json& document) {
  const Json& rates = document["rates"];
  history_.push_back(text_of({{"at_ms", document["at_ms"]},
                              {"sse", document["connections"]["sse"]},
                              {"websocket", document["connections"]["websocket"]},
                              {"messages", rates["messages"]},
                              {"deliveries", rates["deliveries"]},
                              {"bytes_in", rates["bytes_in"]},
                              {"bytes_out", rates["bytes_out"]},
                              {"drops", rates["drops"]},
                              {"gaps", rates["gaps"]},
                              {"loop_p99_ms", document["loop_ms"]["p99"]},
                              {"delivery_p99_ms", document["delivery_ms"]["p99"]},
                              {"memory_bytes", document["memory"]["used_bytes"]}}));
  if (history_.size() > kHistory) history_.pop_front();
}

uint64_t AdminOverview::sequence() const {
  const std::lock_guard guard(mutex_);
  return sequence_;
}

std::string AdminOverview::document() const {
  const std::lock_guard guard(mutex_);
  return document_;
}

std::string AdminOverview::history() const {
  const std::lock_guard guard(mutex_);
  std::string out = "{\"samples\":[";
  for (size_t i = 0; i < history_.size(); ++i) out += (i > 0 ? "," : "") + history_[i];
  return out + "]}";
}

}  // namespace livehub::server
