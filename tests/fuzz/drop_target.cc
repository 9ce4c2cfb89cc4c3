// Profile `drop`: paths of the outside become subjects of NATS, and payloads of NATS and answers of
// Restate become events. Nobody leaves his place in a subject; what goes out is one JSON text on
// one line under a name that is safe in a field.
#include <algorithm>
#include <string>

#include "fuzz.h"
#include "profile/drop_events.h"
#include "source/nats_subject.h"
#include "wire/json_gate.h"
#include "wire/sse.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

void must_be_line(std::string_view text) {
  std::string compact;
  MUST(wire::utf8_valid(text) && wire::json_compact(text, compact).ok, "what goes out is JSON");
  MUST(wire::is_sse_line(text), "what goes out is one line");
}

void check_target(std::string_view path) {
  const DropTarget target = drop_target(path);
  using Kind = DropTarget::Kind;
  if (target.kind == Kind::kNone || target.kind == Kind::kBad) return;
  for (const std::string& channel : {target.first_channel(), target.second_channel()}) {
    if (channel.empty()) continue;
    MUST(source::is_nats_subject(channel), "a channel is a subject");
    MUST(channel.find_first_of("*> \t\r\n") == channel.npos, "no wildcard, no space in it");
    const auto dots = std::count(channel.begin(), channel.end(), '.');
    MUST(dots == 0 || (dots == 2 && channel.ends_with(".state")) ||
             (dots == 2 && channel.starts_with("queue.")) || dots == 3,
         "nobody leaves his place in a subject");
  }
}

void check_event(std::string_view subject, std::string_view payload) {
  const auto event = drop_event(subject, payload);
  if (!event) return;
  must_be_line(event->data);
  MUST(!event->event.empty() && event->event.size() <= 64, "an event has a name");
  MUST(event->event.find_first_not_of(
           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
           "_-") == event->event.npos,
       "its name is safe");
}

FUZZ_TARGET(drop) {
  fuzz::Input parts(input);
  const std::string_view first = parts.until('|');
  const std::string_view rest = parts.rest();
  check_target(first);
  check_target("/events/" + std::string(first));
  check_event("drop.a.state", input);
  check_event("queue.a.b", input);
  check_event(first, rest);
  const std::string name = wire::utf8_with_replacement(first);
  if (const auto made = connected_event(name, rest, 5)) must_be_line(*made);
  if (const auto made = user_event(rest)) must_be_line(*made);
  if (const auto made = queue_event(name, rest)) {
    must_be_line(made->data);
    MUST(made->event == "queue_ready" || made->event == "queue_position", "one of two names");
  }
  if (auto made = listed_drop(name, rest)) {
    must_be_line(made->text);
    must_be_line(drops_event(drops_list({*made, *made}), 5));
  }
  std::string compact;
  if (wire::utf8_valid(rest) && wire::json_compact(rest, compact).ok)
    MUST(is_drop_state(rest) == compact.starts_with('{'), "a state is a JSON object");
  else
    MUST(!is_drop_state(rest), "what is no JSON is no state");
}

}  // namespace
}  // namespace livehub::profile
