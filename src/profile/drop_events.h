// The texts of profile `drop`: which stream a path asks for, what a NATS message becomes, and the
// events that are made from the backend's answers. Pure functions. Tests:
// tests/unit/profile/drop_events_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::profile {

// What GET /events/… asks for.
struct DropTarget {
  enum class Kind : uint8_t {
    kNone,   // no such route
    kBad,    // a segment that may not stand in a subject
    kDrop,   // /events/:dropId/:userId
    kDrops,  // /events/drops
    kQueue,  // /events/queue/:dropId/:token
  };
  Kind kind = Kind::kNone;
  std::string drop;
  std::string who;  // the user, or the queue's token

  std::string first_channel() const;   // of the drop's state, or of the queue's token
  std::string second_channel() const;  // of the user; empty where there is none
};
[[nodiscard]] DropTarget drop_target(std::string_view path);

// Channels are called as their subjects.
[[nodiscard]] bool is_drop_channel(std::string_view channel);
// The event's name and its data on one line; nothing for what is not JSON, or has no event.
struct DropEvent {
  std::string event;
  std::string data;
};
[[nodiscard]] std::optional<DropEvent> drop_event(std::string_view subject,
                                                  std::string_view payload);

// From the backend's answers; nothing, if the answer is not of the kind that was asked for.
[[nodiscard]] std::optional<std::string> connected_event(std::string_view drop,
                                                         std::string_view state, int64_t now_ms);
[[nodiscard]] std::optional<std::string> user_event(std::string_view state);
[[nodiscard]] std::optional<DropEvent> queue_event(std::string_view token, std::string_view state);

// One drop of the list, ready to be sorted into it; nothing for a phase that is not listed.
struct ListedDrop {
  double ends = 0;  // the time that it is sorted by
  std::string text;
};
[[nodiscard]] bool is_drop_state(std::string_view state);
[[nodiscard]] std::optional<ListedDrop> listed_drop(std::string_view drop, std::string_view state);
// `{"drops":[…]` without its end, which has the time it is sent at.
[[nodiscard]] std::string drops_list(std::vector<ListedDrop> drops);
[[nodiscard]] std::string drops_event(std::string_view list, int64_t now_ms);

}  // namespace livehub::profile
