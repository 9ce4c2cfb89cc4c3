#include "io/sim_driver.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace livehub::io {
namespace {

constexpr int64_t kAcceptRetryNs = 100'000'000;

}  // namespace

SimDriver::~SimDriver() {
  table_.for_each([this](Socket, Slot& slot) {
    if (!slot.has(Slot::kClosing)) kernel_.break_up(link_of(slot));
  });
  stop_listening();
}

void SimDriver::listen(int backlog) {
  LIVEHUB_CHECK(!is_listening_, "a driver has at most one listener");
  is_listening_ = true;
  kernel_.open_listener(shard_, static_cast<uint32_t>(backlog));
}

void SimDriver::stop_listening() {
  if (is_listening_) kernel_.shut_listener(shard_);
  is_listening_ = false;
}

// --- a turn ---

bool SimDriver::turn(int64_t wait_ns, Events& events) {
  LIVEHUB_CHECK(!is_in_turn_, "a turn is not called from within a turn");
  is_in_turn_ = true;
  const int64_t asked_ns = now_ns_;  // the time that wait_ns counts from
  now_ns_ = kernel_.now_ns();
  sleeping_until_ns_ = 0;
  bool has_done = is_woken_;
  is_woken_ = false;
  let_go();
  if (can_accept()) {
    has_done = true;
    accept(events);
  }
  std::vector<Socket> ready = ready_sockets();
  kernel_.random.shuffle(ready);
  put_unserved_first(ready);
  const size_t served = std::min<size_t>(ready.size(), options_.receives_per_turn);
  for (size_t i = 0; i < served; ++i) serve(ready[i], events);
  has_done |= served > 0;
  const bool is_left = can_accept() || !ready_sockets().empty();
  if (!has_done && wait_ns != 0)
    sleeping_until_ns_ = wait_ns < 0 ? std::numeric_limits<int64_t>::max() : asked_ns + wait_ns;
  is_in_turn_ = false;
  return is_left;
}

// Rule 8: nobody twice before another who is ready.
void SimDriver::put_unserved_first(std::vector<Socket>& ready) {
  if (ready.size() <= options_.receives_per_turn) return served_.clear();
  const auto is_unserved = [&](Socket socket) { return !served_.contains(socket); };
  const auto first_served = std::stable_partition(ready.begin(), ready.end(), is_unserved);
  if (first_served == ready.begin()) served_.clear();
  served_.insert(ready.begin(), ready.begin() + options_.receives_per_turn);
}

bool SimDriver::is_roused() { return is_woken_ || can_accept() || !ready_sockets().empty(); }

std::vector<Socket> SimDriver::ready_sockets() {
  std::vector<Socket> ready;
  table_.for_each([&](Socket socket, Slot& slot) {
    if (!slot.has(Slot::kClosing) && is_ready(slot)) ready.push_back(socket);
  });
  return ready;
}

// The kernel has finished with what was closed.
void SimDriver::let_go() {
  std::erase_if(released_, [this](const Released& r) {
    if (r.at_ns > now_ns_) return false;
    table_.release(r.index);
    return true;
  });
}

// --- accepting ---

bool SimDriver::can_accept() const {
  if (!is_listening_ || kernel_.queue_of(shard_).empty() || kernel_.now_ns() < accept_again_ns_)
    return false;
  if (table_.is_full()) kernel_.count(SimFault::kTableFull);
  return !table_.is_full();
}

void SimDriver::accept(Events& events) {
  for (uint32_t i = 0; i < options_.accepts_per_turn && can_accept(); ++i) {
    if (kernel_.random.chance(kernel_.rates.descriptors_out)) {
      kernel_.count(SimFault::kDescriptorsOut);
      accept_again_ns_ = kernel_.now_ns() + kAcceptRetryNs;
      return;
    }
    const SimLinkPtr link = kernel_.queue_of(shard_).front();
    kernel_.queue_of(shard_).pop_front();
    if (link->error != 0) {
      kernel_.count(SimFault::kDiedInQueue);
      if (kernel_.random.chance(5000))
        continue;  // ECONNABORTED; else it shows at the first receive
    }
    const Socket socket = table_.open(0);
    table_.find(socket)->fd = static_cast<int32_t>(socket.index);
    if (socket.index >= places_.size()) places_.resize(socket.index + 1);
    places_[socket.index] = {link, false};
    link->is_accepted = true;
    kernel_.log("accept", shard_, link->id, socket.index);
    events.on_accept(socket, table_.spare());
  }
}

// --- receiving ---

bool SimDriver::can_receive(const Slot& slot) {
  if (slot.has(Slot::kPaused | Slot::kEnded)) return false;
  const SimLink& link = link_of(slot);
  return link.arrived > 0 || link.error != 0 || (link.up_fin && !link.is_silent);
}

bool SimDriver::can_tell_writable(const Slot& slot) {
  if (!slot.has(Slot::kWantsWritable)) return false;
  const SimLink& link = link_of(slot);
  return link.error != 0 || (!link.is_full && link.down.size() < link.down_room);
}

void SimDriver::serve(Socket socket, Events& events) {
  Slot* slot = table_.find(socket);
  if (slot && can_receive(*slot)) receive(socket, *slot, events);
  slot = table_.find(socket);
  if (!slot || !slot->has(Slot::kWantsWritable)) return;
  const bool is_spurious = !can_tell_writable(*slot);
  if (is_spurious && !kernel_.random.chance(kernel_.rates.spurious_writable)) return;
  if (is_spurious) kernel_.count(SimFault::kSpuriousWritable);
  slot->clear(Slot::kWantsWritable);
  kernel_.log("writable", shard_, link_of(*slot).id, is_spurious);
  events.on_writable(socket);
}

void SimDriver::receive(Socket socket, Slot& slot, Events& events) {
  SimLink& link = link_of(slot);
  if (link.arrived == 0) {
    slot.set(Slot::kEnded);
    kernel_.log("receive end", shard_, link.id, static_cast<uint64_t>(link.error));
    return events.on_receive_end(socket, link.error);
  }
  size_t bytes = std::min<size_t>(link.arrived, options_.receive_bytes);
  if (kernel_.random.chance(kernel_.rates.short_receive) && bytes > 1) {
    bytes = kernel_.random.between(1, bytes - 1);
    kernel_.count(SimFault::kShortReceive);
  }
  std::vector<char> lent(link.up.begin(), link.up.begin() + static_cast<std::ptrdiff_t>(bytes));
  link.up.erase(0, bytes);
  link.arrived -= bytes;
  kernel_.log("receive", shard_, link.id, bytes);
  events.on_receive(socket, lent);
  std::memset(lent.data(), 0xee, lent.size());  // who kept the pointer finds this
}

// --- sending ---

void SimDriver::send_batch(std::span<SendRequest> requests) {
  for (size_t i = 0; i < requests.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      LIVEHUB_CHECK(requests[i].socket != requests[k].socket,
                    "a batch names a socket at most once");
  for (SendRequest& request : requests) send(request);
}

void SimDriver::send(SendRequest& request) {
  Slot& slot = open_slot(request.socket);
  LIVEHUB_CHECK(!places_[request.socket.index].is_shut, "nothing is sent after the end was sent");
  LIVEHUB_CHECK(request.piece_count > 0 && request.piece_count <= kPiecesMax,
                "a send has 1 to 64 pieces");
  std::string bytes;
  for (uint32_t i = 0; i < request.piece_count; ++i)
    bytes.append(static_cast<const char*>(request.pieces[i].iov_base), request.pieces[i].iov_len);
  LIVEHUB_CHECK(bytes.size() == request.bytes && !bytes.empty(), "a send knows its size");
  SimLink& link = link_of(slot);
  SimRandom& random = kernel_.random;
  if (link.error == 0 && random.chance(kernel_.rates.failed_send)) kernel_.break_up(link);
  request.bytes_sent = 0;
  request.error = link.error;
  if (link.error != 0) {
    kernel_.count(SimFault::kFailedSend);
    request.outcome = SendOutcome::kFailed;
    kernel_.log("send fails", shard_, link.id, request.bytes);
    return;
  }
  size_t room = link.down.size() < link.down_room ? link.down_room - link.down.size() : 0;
  if (random.chance(kernel_.rates.blocked_send)) room = 0;
  size_t taken = std::min<size_t>(room, bytes.size());
  if (taken < bytes.size()) link.is_full = true;
  if (taken > 0 && taken < bytes.size()) kernel_.count(SimFault::kFullSend);
  if (taken > 1 && random.chance(kernel_.rates.short_send)) {
    taken = random.between(1, taken - 1);
    kernel_.count(SimFault::kShortSend);
  }
  if (taken == 0) kernel_.count(SimFault::kBlockedSend);
  if (link.is_full && link.down.size() + taken <= link.down_room / 2) link.is_full = false;
  request.bytes_sent = static_cast<uint32_t>(taken);
  request.outcome = taken == bytes.size() ? SendOutcome::kAll
                    : taken > 0           ? SendOutcome::kPart
                                          : SendOutcome::kBlocked;
  kernel_.log("send", link.id, request.bytes, taken);
  if (link.is_client_gone && !link.is_silent) {  // answered by a reset
    link.error = ECONNRESET;
    return;
  }
  link.down.append(bytes, 0, taken);
}

void SimDriver::want_writable(Socket socket) { open_slot(socket).set(Slot::kWantsWritable); }
void SimDriver::pause_receive(Socket socket) { open_slot(socket).set(Slot::kPaused); }
void SimDriver::resume_receive(Socket socket) { open_slot(socket).clear(Slot::kPaused); }

void SimDriver::shutdown_send(Socket socket) {
  link_of(open_slot(socket)).down_fin = true;
  places_[socket.index].is_shut = true;
}

// --- closing ---

Slot& SimDriver::open_slot(Socket socket) {
  Slot* slot = table_.find(socket);
  LIVEHUB_CHECK(slot, "what is asked of the driver names an open socket");
  sleeping_until_ns_ = 0;
  return *slot;
}

void SimDriver::close(Socket socket) {
  Slot& slot = open_slot(socket);
  SimLink& link = link_of(slot);
  kernel_.log("close", shard_, link.id, socket.index);
  if (link.arrived > 0) kernel_.count(SimFault::kUnreadAtClose);
  link.down_fin = true;
  release(socket, slot);
}

void SimDriver::reset(Socket socket) {
  Slot& slot = open_slot(socket);
  SimLink& link = link_of(slot);
  kernel_.log("reset", shard_, link.id, socket.index);
  link.down.clear();
  link.is_client_reset = true;
  release(socket, slot);
}

void SimDriver::release(Socket socket, Slot& slot) {
  SimLink& link = link_of(slot);
  link.is_server_closed = true;
  link.up.clear();
  link.arrived = 0;
  places_[socket.index].link.reset();
  table_.begin_close(slot);
  accept_again_ns_ = 0;
  int64_t delay_ns = 0;
  if (kernel_.random.chance(kernel_.rates.late_release)) {
    delay_ns = static_cast<int64_t>(kernel_.random.below(50'000'000));
    kernel_.count(SimFault::kLateRelease);
  }
  released_.push_back({socket.index, kernel_.now_ns() + delay_ns});
}

PeerAddress SimDriver::peer_address(Socket socket) {
  const SimLink& link = link_of(open_slot(socket));
  return {"192.0.2." + std::to_string(link.id % 250 + 1),
          static_cast<uint16_t>(1024 + link.id % 60'000)};
}

}  // namespace livehub::io
