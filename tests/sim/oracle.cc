#include "oracle.h"

#include <charconv>

namespace livehub::sim {
namespace {

constexpr uint64_t kGeneratedFrom = uint64_t{1} << 40;

}  // namespace

void fail(const std::string& sentence) { throw Failure(sentence); }

std::string text_of(Position position) {
  char text[hub::kPositionTextMax];
  return {text, hub::write_position(text, position)};
}

uint64_t Oracle::make_push(const std::string& channel, size_t bytes, uint64_t engine) {
  Push& push = pushes_.emplace_back();
  const uint64_t number = pushes_.size();
  push.channel = channel;
  push.engine = engine;
  push.payload = "{\"n\":" + std::to_string(number) + ",\"c\":\"" + channel + "\",\"pad\":\"";
  while (push.payload.size() < bytes)
    push.payload += static_cast<char>('a' + (number + push.payload.size() * 7) % 26);
  push.payload += "\"}";
  return number;
}

void Oracle::on_refused(uint64_t number) {
  Push& refused = push(number);
  refused.fate = Push::Fate::kRefused;
  if (refused.is_seen) fail("push " + std::to_string(number) + " was refused and delivered");
}

uint64_t Oracle::find(std::string_view payload) const {
  uint64_t number = 0;
  if (payload.starts_with("{\"n\":"))
    std::from_chars(payload.data() + 5, payload.data() + payload.size(), number);
  const bool is_known = number > 0 && number <= pushes_.size();
  return is_known && pushes_[number - 1].payload == payload ? number : 0;
}

uint64_t Oracle::identify(const View& view, std::string_view payload) {
  uint64_t number = 0;
  if (!payload.starts_with("{\"n\":")) {
    const bool is_point = payload.starts_with("{\"ts\":") && payload.ends_with("}}");
    if (!is_point) fail(view.who + ": nobody pushed " + std::string(payload.substr(0, 80)));
    const auto known = generated_.find(payload);
    if (known != generated_.end()) return known->second;
    number = kGeneratedFrom + generated_.size();
    generated_.emplace(payload, number);
    return number;
  }
  number = find(payload);
  if (number == 0)
    fail(view.who + ": torn or foreign message " + std::string(payload.substr(0, 80)));
  Push& found = push(number);
  if (found.channel != view.channel)
    fail(view.who + ": a message of channel " + found.channel + " in " + view.channel);
  if (found.fate == Push::Fate::kRefused)
    fail(view.who + ": push " + std::to_string(number) + " was refused and delivered");
  if (found.sent_step == kNever) fail(view.who + ": a message that was not sent yet");
  found.is_seen = true;
  return number;
}

void Oracle::on_accepted(uint64_t number, Position position) {
  Push& accepted = push(number);
  accepted.fate = Push::Fate::kAccepted;
  place("push " + std::to_string(number), accepted.channel, number, position);
}

// Each message has one position and each position one message, whoever says so.
void Oracle::place(const std::string& who, const std::string& channel, uint64_t message,
                   Position position) {
  uint64_t& known = books_[channel][position];
  if (known != 0 && known != message)
    fail(who + ": another message at " + text_of(position) + " than others saw");
  known = message;
  const auto [there, is_new] = places_.emplace(message, position);
  if (!is_new && there->second != position)
    fail(who + ": message " + std::to_string(message) + " at two positions");
}

void Oracle::on_message(View& view, std::optional<Position> position, std::string_view payload) {
  const uint64_t message = identify(view, payload);
  ++deliveries_;
  if (position) {
    for (auto item = view.items.rbegin(); item != view.items.rend(); ++item)
      if (item->position) {
        if (*item->position >= *position && !item->is_gap)
          fail(view.who + ": position " + text_of(*position) + " after " +
               text_of(*item->position));
        break;
      }
    place(view.who, view.channel, message, *position);
  }
  view.items.push_back({false, position, message});
}

void Oracle::on_gap(View& view, Position position) {
  ++gaps_;
  view.items.push_back({true, position, 0});
}

void Oracle::check_views() const {
  for (const View& view : views_) {
    check_order(view);
    check_due(view);
  }
}

// Between what a view saw, nothing is missing but what it was told of.
void Oracle::check_order(const View& view) const {
  static const Book kNone;
  const auto found = books_.find(view.channel);
  const Book& book = found == books_.end() ? kNone : found->second;
  std::optional<Position> at;  // everything up to here is accounted for
  if (view.asked) at = view.asked;
  if (view.announced) at = view.announced;
  const bool is_told = view.items.empty() ? !view.is_live_at_end : view.items.front().is_gap;
  if (view.asked && view.announced && *view.asked != *view.announced && !is_told)
    fail(view.who + ": asked for " + text_of(*view.asked) + ", begins at " +
         text_of(*view.announced));
  std::set<uint64_t> seen;
  uint64_t unplaced = 0;
  for (const View::Item& item : view.items) {
    if (item.is_gap) {
      const bool may_lead_back = view.was_elsewhere && &item == &view.items.front();
      if (at && item.position->epoch == at->epoch && *item.position < *at && !may_lead_back)
        fail(view.who + ": a gap back to " + text_of(*item.position));
      at = item.position;
      continue;
    }
    if (!seen.insert(item.message).second)
      fail(view.who + ": message " + std::to_string(item.message) + " twice");
    const std::optional<Position> position = place_of(item);
    if (!position) {  // only plain WebSockets saw it: nobody knows its place
      ++unplaced;
      continue;
    }
    if (at && at->epoch != position->epoch)
      fail(view.who + ": resumed over a restart and was not told of a gap");
    if (at && *position <= *at) fail(view.who + ": back to " + text_of(*position));
    if (at && !view.may_jump) check_between(view, book, *at, *position, unplaced);
    unplaced = 0;
    at = position;
  }
  if (view.is_live_at_end && at && !view.may_jump)
    check_between(view, book, *at, {at->epoch, kNever}, unplaced);
  if (view.is_live_at_end && at && view.may_jump && unplaced == 0) {
    const auto end = book.upper_bound({at->epoch, kNever});
    if (end != book.begin() && *at < std::prev(end)->first)
      fail(view.who + ": at the end without the newest, " + text_of(std::prev(end)->first));
  }
}

// What was published between two positions that a view has seen, it has seen too: those whose place
// nobody knows are as many.
void Oracle::check_between(const View& view, const Book& book, Position after, Position before,
                           uint64_t unplaced) const {
  for (auto missed = book.upper_bound(after); missed != book.end() && missed->first < before;
       ++missed) {
    if (missed->second != 0 || unplaced == 0)
      fail(view.who + ": silently without " + text_of(missed->first) + " after " + text_of(after));
    --unplaced;
  }
}

// A push that was answered with success after the head had arrived is seen: by those who are here
// at the end, and by those who have seen a later one.
void Oracle::check_due(const View& view) const {
  if (view.may_jump || view.head_step == kNever) return;
  std::set<uint64_t> seen;
  std::optional<Position> first;
  for (const View::Item& item : view.items) {
    if (item.is_gap) return;  // which ones it covers, check_order() knows
    seen.insert(item.message);
    if (!first) first = place_of(item);
  }
  for (uint64_t number = 1; number <= pushes_.size(); ++number) {
    const Push& push = pushes_[number - 1];
    if (push.fate != Push::Fate::kAccepted || push.engine != view.engine) continue;
    if (push.channel != view.channel || push.sent_step == kNever) continue;
    if (push.sent_step <= view.head_step || seen.contains(number)) continue;
    const auto place = places_.find(number);
    const bool is_passed = first && place != places_.end() && place->second < *first;
    if (view.is_live_at_end || is_passed)
      fail(view.who + ": push " + std::to_string(number) + " was answered 200 and never seen");
  }
}

std::optional<Position> Oracle::place_of(const View::Item& item) const {
  if (item.position) return item.position;
  const auto place = places_.find(item.message);
  return place == places_.end() ? std::nullopt : std::optional(place->second);
}

}  // namespace livehub::sim
