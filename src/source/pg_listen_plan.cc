#include "source/pg_listen_plan.h"

#include <algorithm>

#include "base/check.h"
#include "source/pg_url.h"

namespace livehub::source {

PgListenPlan::Name& PgListenPlan::name_of(const std::string& name) {
  const auto [entry, is_new] = names_.try_emplace(name);
  if (is_new) entry->second.name = entry->first;
  return entry->second;
}

void PgListenPlan::queue(Name& name, std::deque<Name*>& queue) {
  if (name.is_queued || name.is_in_flight || name.is_refused) return;
  name.is_queued = true;
  queue.push_back(&name);
}

std::pair<PgListenPlan::Channel*, bool> PgListenPlan::want(std::string_view channel,
                                                           const std::vector<std::string>& names) {
  const auto [entry, is_new] = channels_.try_emplace(std::string(channel));
  Channel& made = entry->second;
  if (!is_new) return {&made, false};
  made.channel = entry->first;
  for (const std::string& text : names) {
    Name& name = name_of(text);
    if (!name.channels.empty() && name.channels.back() == &made) continue;  // named twice
    name.channels.push_back(&made);
    made.names.push_back(&name);
    // One whose UNLISTEN is under way is as good as gone.
    if (name.is_held && !name.is_in_flight) continue;
    ++made.missing;
    queue(name, now_);
  }
  return {&made, true};
}

void PgListenPlan::unwant(std::string_view channel) {
  const auto found = channels_.find(std::string(channel));
  if (found == channels_.end()) return;
  leave(found->second);
  channels_.erase(found);
}

void PgListenPlan::leave(Channel& channel) {
  for (Name* name : channel.names) {
    std::erase(name->channels, &channel);
    if (!name->channels.empty()) continue;
    if (name->is_held) queue(*name, later_);
    forget_if_unused(*name);
  }
}

PgListenPlan::Channel* PgListenPlan::find(std::string_view channel) {
  const auto found = channels_.find(std::string(channel));
  return found == channels_.end() ? nullptr : &found->second;
}

void PgListenPlan::for_each(const std::function<void(Channel&)>& visit) {
  for (auto& [text, channel] : channels_) visit(channel);
}

void PgListenPlan::forget_if_unused(Name& name) {
  if (name.is_held || name.is_queued || name.is_in_flight || !name.channels.empty()) return;
  names_.erase(std::string(name.name));
}

// Takes the first of the queue; true if it has something to say.
bool PgListenPlan::take(std::deque<Name*>& queue, std::string& statements) {
  Name& name = *queue.front();
  queue.pop_front();
  name.is_queued = false;
  const bool is_wanted = !name.channels.empty();
  if (is_wanted == name.is_held) {
    forget_if_unused(name);
    return false;
  }
  name.is_in_flight = true;
  in_flight_.push_back({&name, is_wanted});
  statements += is_wanted ? "LISTEN " : "UNLISTEN ";
  statements += pg_quote_name(name.name);
  statements += ';';
  return true;
}

std::string PgListenPlan::next_batch(size_t names_max) {
  LIVEHUB_CHECK(in_flight_.empty(), "one batch at a time");
  std::string statements;
  restoring_in_flight_ = false;
  while (!alone_.empty() && in_flight_.empty()) take(alone_, statements);
  if (!in_flight_.empty()) return statements;
  is_waking_ = false;
  for (std::deque<Name*>* from : {&now_, &again_, &later_}) {
    while (!from->empty() && in_flight_.size() < names_max)
      if (take(*from, statements) && from == &again_) restoring_in_flight_ = true;
  }
  return statements;
}

void PgListenPlan::settle(const InFlight& entry, std::vector<Channel*>& ready) {
  Name& name = *entry.name;
  name.is_in_flight = false;
  if (name.is_held != entry.is_listen) held_ += entry.is_listen ? 1 : static_cast<size_t>(-1);
  name.is_held = entry.is_listen;
  const bool is_wanted = !name.channels.empty();
  if (name.is_held != is_wanted) queue(name, is_wanted ? now_ : later_);
  if (!name.is_held) return forget_if_unused(name);
  for (Channel* channel : name.channels)
    if (channel->missing > 0 && --channel->missing == 0) ready.push_back(channel);
}

std::vector<PgListenPlan::Channel*> PgListenPlan::batch_done() {
  std::vector<Channel*> ready;
  for (const InFlight& entry : in_flight_) settle(entry, ready);
  in_flight_.clear();
  restoring_in_flight_ = false;
  is_waking_ = is_waking_ && !alone_.empty();
  return ready;
}

std::vector<PgListenPlan::Channel*> PgListenPlan::batch_failed(bool may_pass) {
  std::vector<Channel*> refused;
  const bool was_alone = in_flight_.size() == 1;
  for (const InFlight& entry : in_flight_) {
    Name& name = *entry.name;
    name.is_in_flight = false;
    // Wanted again while its UNLISTEN was under way, and held still: LISTEN says so, who waits for
    // it is told then.
    const bool is_wanted_again = !entry.is_listen && !name.channels.empty();
    if (is_wanted_again) {
      name.is_held = false;
      --held_;
    }
    if (!was_alone || is_wanted_again) {
      queue(name, alone_);
      continue;
    }
    refused = name.channels;
    if (may_pass)
      queue(name, resting_);
    else
      name.is_refused = true;
    forget_if_unused(name);
  }
  in_flight_.clear();
  restoring_in_flight_ = false;
  is_waking_ = is_waking_ && !alone_.empty();
  return refused;
}

void PgListenPlan::wake_resting() {
  is_waking_ = !resting_.empty();
  alone_.insert(alone_.end(), resting_.begin(), resting_.end());
  resting_.clear();
}

void PgListenPlan::link_lost() {
  for (std::deque<Name*>* queue : {&now_, &again_, &alone_, &later_, &resting_}) queue->clear();
  in_flight_.clear();
  restoring_in_flight_ = false;
  is_waking_ = is_waking_ && !alone_.empty();
  held_ = 0;
  for (auto entry = names_.begin(); entry != names_.end();) {
    Name& name = entry->second;
    name.is_held = name.is_queued = name.is_in_flight = name.is_refused = false;
    if (name.channels.empty()) {
      entry = names_.erase(entry);
      continue;
    }
    queue(name, again_);
    ++entry;
  }
  for (auto& [text, channel] : channels_)
    channel.missing = static_cast<uint32_t>(channel.names.size());
}

}  // namespace livehub::source
