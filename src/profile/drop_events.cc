#include "profile/drop_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "profile/json_tree.h"
#include "source/nats_subject.h"
#include "wire/json_gate.h"
#include "wire/url.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kEvents = "/events/";
constexpr std::string_view kMark = "\xef\xbb\xbf";  // a byte order mark, which decoding drops
constexpr size_t kEventNameMax = 64;

std::optional<Json> parse_object(std::string_view text) {
  Json parsed = parse_tree<Json>(text);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What JavaScript calls falsy among the values that can stand here.
bool is_missing(const Json& from, const char* name) {
  const auto found = from.find(name);
  return found == from.end() || found->is_null() || *found == false || *found == 0 ||
         (found->is_string() && found->get_ref<const std::string&>().empty());
}

void copy(const Json& from, const char* name, Json& to, const char* as) {
  if (const auto found = from.find(name); found != from.end()) to[as] = *found;
}
void copy(const Json& from, const char* name, Json& to) { copy(from, name, to, name); }

std::optional<std::string> segment(std::string_view text) {
  std::optional<std::string> decoded = wire::percent_decode(text, false);
  if (!decoded || !source::is_nats_token(*decoded)) return std::nullopt;
  return decoded;
}

DropTarget of_segments(DropTarget::Kind kind, std::string_view drop, std::string_view who) {
  DropTarget target;
  if (drop.empty() || who.empty()) return target;
  const auto drop_id = segment(drop);
  const auto who_id = segment(who);
  target.kind = drop_id && who_id ? kind : DropTarget::Kind::kBad;
  if (target.kind == DropTarget::Kind::kBad) return target;
  target.drop = *drop_id;
  target.who = *who_id;
  return target;
}

bool is_event_name(std::string_view name) {
  return !name.empty() && name.size() <= kEventNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

}  // namespace

std::string DropTarget::first_channel() const {
  if (kind == Kind::kQueue) return "queue." + drop + "." + who;
  return kind == Kind::kDrop ? "drop." + drop + ".state" : "drops";
}

std::string DropTarget::second_channel() const {
  return kind == Kind::kDrop ? "drop." + drop + ".user." + who : std::string();
}

DropTarget drop_target(std::string_view path) {
  DropTarget target;
  if (!path.starts_with(kEvents)) return target;
  path.remove_prefix(kEvents.size());
  if (path == "drops") {
    target.kind = DropTarget::Kind::kDrops;
    return target;
  }
  const size_t first = path.find('/');
  if (first == std::string_view::npos) return target;
  const std::string_view head = path.substr(0, first);
  const std::string_view rest = path.substr(first + 1);
  const size_t second = rest.find('/');
  if (second == std::string_view::npos) return of_segments(DropTarget::Kind::kDrop, head, rest);
  const std::string_view last = rest.substr(second + 1);
  if (head != "queue" || last.find('/') != std::string_view::npos) return target;
  return of_segments(DropTarget::Kind::kQueue, rest.substr(0, second), last);
}

bool is_drop_channel(std::string_view channel) {
  return channel.starts_with("drop.") || channel.starts_with("queue.");
}

std::optional<DropEvent> drop_event(std::string_view subject, std::string_view payload) {
  if (payload.starts_with(kMark)) payload.remove_prefix(kMark.size());
  const std::string text =
      wire::utf8_valid(payload) ? std::string() : wire::utf8_with_replacement(payload);
  DropEvent made;
  if (!wire::json_compact(text.empty() ? payload : std::string_view(text), made.data).ok)
    return std::nullopt;
  if (subject.starts_with("drop.")) {
    // drop.<drop>.state or drop.<drop>.user.<user>; neither name has a dot in it.
    made.event = std::count(subject.begin(), subject.end(), '.') == 2 ? "drop" : "user";
    return made;
  }
  const std::optional<Json> object = parse_object(made.data);
  if (!object || !object->contains("type") || !(*object)["type"].is_string()) return std::nullopt;
  made.event = (*object)["type"].get<std::string>();
  if (!is_event_name(made.event)) return std::nullopt;
  return made;
}

std::optional<std::string> connected_event(std::string_view drop, std::string_view state,
                                           int64_t now_ms) {
  const std::optional<Json> from = parse_object(state);
  if (!from) return std::nullopt;
  Json event = {{"type", "connected"}, {"dropId", drop}};
  event["phase"] = is_missing(*from, "phase") ? Json("registration") : (*from)["phase"];
  for (const char* name :
       {"participantCount", "totalTickets", "inventory", "registrationEnd", "purchaseEnd"})
    copy(*from, name, event);
  event["serverTime"] = now_ms;
  for (const char* name : {"lotteryCommitment", "initialInventory", "geoFence", "geoFenceMode",
                           "geoFenceBonusMultiplier"})
    copy(*from, name, event);
  return dump(event);
}

std::optional<std::string> user_event(std::string_view state) {
  const std::optional<Json> from = parse_object(state);
  if (!from) return std::nullopt;
  Json event = {{"type", "user"}};
  copy(*from, "status", event);
  event["tickets"] = is_missing(*from, "tickets") ? Json(0) : (*from)["tickets"];
  copy(*from, "queuePosition", event, "position");
  copy(*from, "purchaseToken", event, "token");
  copy(*from, "rolloverUsed", event);
  copy(*from, "rolloverBalance", event);
  return dump(event);
}

std::optional<DropEvent> queue_event(std::string_view token, std::string_view state) {
  const std::optional<Json> from = parse_object(state);
  if (!from || is_missing(*from, "status")) return std::nullopt;
  DropEvent made;
  made.event = (*from)["status"] == "ready" ? "queue_ready" : "queue_position";
  Json event = {{"type", made.event}};
  copy(*from, "position", event);
  copy(*from, "estimatedWaitSeconds", event);
  event["token"] = token;
  copy(*from, "expiresAt", event);
  made.data = dump(event);
  return made;
}

bool is_drop_state(std::string_view state) { return parse_object(state).has_value(); }

std::optional<ListedDrop> listed_drop(std::string_view drop, std::string_view state) {
  const std::optional<Json> from = parse_object(state);
  if (!from) return std::nullopt;
  const auto phase = from->find("phase");
  const bool is_purchase = phase != from->end() && *phase == "purchase";
  const bool is_listed =
      phase != from->end() && (is_purchase || *phase == "registration" || *phase == "lottery");
  if (!is_listed) return std::nullopt;
  const bool by_purchase = is_purchase && !is_missing(*from, "purchaseEnd");
  const auto ends = from->find(by_purchase ? "purchaseEnd" : "registrationEnd");
  ListedDrop listed;
  if (ends != from->end() && ends->is_number()) listed.ends = ends->get<double>();
  Json entry = {{"dropId", drop}};
  for (const auto& [name, value] : from->items()) entry[name] = value;
  listed.text = dump(entry);
  return listed;
}

std::string drops_list(std::vector<ListedDrop> drops) {
  std::stable_sort(drops.begin(), drops.end(),
                   [](const ListedDrop& a, const ListedDrop& b) { return a.ends < b.ends; });
  std::string list = R"({"drops":[)";
  for (size_t i = 0; i < drops.size(); ++i) list += (i > 0 ? "," : "") + drops[i].text;
  return list + "]";
}

std::string drops_event(std::string_view list, int64_t now_ms) {
  return std::string(list) + ",\"serverTime\":" + std::to_string(now_ms) + "}";
}

}  // namespace livehub::profile
