#include "io/sim_kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace livehub::io {
namespace {

constexpr int64_t kUserTimeoutNs = 28'000'000'000;

}  // namespace

const char* sim_fault_name(SimFault fault) {
  switch (fault) {
    case SimFault::kShortReceive:
      return "short receives";
    case SimFault::kShortSend:
      return "short sends";
    case SimFault::kFullSend:
      return "sends into a full socket";
    case SimFault::kBlockedSend:
      return "blocked sends";
    case SimFault::kFailedSend:
      return "failed sends";
    case SimFault::kNetworkReset:
      return "resets by the network";
    case SimFault::kClientReset:
      return "resets by clients";
    case SimFault::kClientFin:
      return "clients that closed";
    case SimFault::kHalfClose:
      return "half-closes";
    case SimFault::kSilence:
      return "silences";
    case SimFault::kVanished:
      return "vanished clients";
    case SimFault::kUserTimeout:
      return "user timeouts";
    case SimFault::kUnreadAtClose:
      return "closes with unread bytes";
    case SimFault::kWriteAfterClose:
      return "writes to closed sockets";
    case SimFault::kLateRelease:
      return "late releases";
    case SimFault::kDescriptorsOut:
      return "descriptors run out";
    case SimFault::kQueueFull:
      return "accept queue full";
    case SimFault::kTableFull:
      return "table full";
    case SimFault::kDiedInQueue:
      return "deaths in the accept queue";
    case SimFault::kSpuriousWake:
      return "spurious wakes";
    case SimFault::kSpuriousWritable:
      return "spurious writables";
    case SimFault::kFreeze:
      return "freezes";
    case SimFault::kLongJump:
      return "long jumps";
    case SimFault::kCount:
      break;
  }
  return "?";
}

// --- time ---

void SimKernel::advance(int64_t ns) {
  now_ns_ += ns;
  if (!silent_.empty()) watch_silent();
}

// TCP_USER_TIMEOUT: sent bytes that nobody acknowledges end the connection.
void SimKernel::watch_silent() {
  std::erase_if(silent_, [&](const SimLinkPtr& link) {
    if (!link->is_silent || link->is_server_closed) return true;
    if (link->down.empty() && !link->down_fin) return false;
    if (link->stuck_since_ns == 0) link->stuck_since_ns = now_ns_;
    if (now_ns_ - link->stuck_since_ns < kUserTimeoutNs) return false;
    count(SimFault::kUserTimeout);
    log("user timeout", link->id);
    link->error = ETIMEDOUT;
    link->is_client_reset = true;
    link->down.clear();
    return true;
  });
}

// --- log ---

void SimKernel::mix(uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3 ^ hash_ >> 29; }

void SimKernel::log(const char* what, uint64_t a, uint64_t b, uint64_t c) {
  ++lines_;
  for (const char* p = what; *p; ++p) mix(static_cast<unsigned char>(*p));
  mix(a), mix(b), mix(c), mix(static_cast<uint64_t>(now_ns_));
  if (!is_printing_) return;
  std::printf("%12.6f %-16s %llu %llu %llu\n", static_cast<double>(now_ns_) / 1e9 - 1000, what,
              static_cast<unsigned long long>(a), static_cast<unsigned long long>(b),
              static_cast<unsigned long long>(c));
}

void SimKernel::log_bytes(const char* what, uint64_t a, std::string_view bytes) {
  uint64_t sum = bytes.size();
  for (const char c : bytes) sum = sum * 31 + static_cast<unsigned char>(c);
  log(what, a, bytes.size(), sum);
  if (!is_printing_) return;
  std::string text;
  for (const char c : bytes.substr(0, 200))
    text += c == '\n'            ? std::string("\\n")
            : c < ' ' || c > '~' ? std::string(".")
                                 : std::string(1, c);
  std::printf("%30s%s%s\n", "", text.c_str(), bytes.size() > 200 ? "…" : "");
}

// --- listeners ---

void SimKernel::open_listener(uint32_t shard, uint32_t backlog) {
  if (shard >= listeners_.size()) listeners_.resize(shard + 1);
  listeners_[shard].is_open = true;
  listeners_[shard].backlog = backlog;
}

void SimKernel::shut_listener(uint32_t shard) {
  if (!is_listening(shard)) return;
  for (const SimLinkPtr& link : listeners_[shard].queue) break_up(*link);
  listeners_[shard].queue.clear();
  listeners_[shard].is_open = false;
}

SimLinkPtr SimKernel::connect(size_t down_room) {
  std::vector<uint32_t> open;
  for (uint32_t shard = 0; shard < listeners_.size(); ++shard)
    if (listeners_[shard].is_open) open.push_back(shard);
  if (open.empty()) return nullptr;
  const uint32_t shard = random.pick(open);
  Listener& listener = listeners_[shard];
  if (listener.queue.size() >= listener.backlog) {
    count(SimFault::kQueueFull);
    return nullptr;
  }
  auto link = std::make_shared<SimLink>();
  link->id = ++next_id_;
  link->shard = shard;
  link->down_room = down_room;
  listener.queue.push_back(link);
  log("connect", link->id, shard, down_room);
  return link;
}

// --- the client's end ---

void SimKernel::write(SimLink& link, std::string_view bytes) {
  if (link.error != 0 || link.is_client_reset) return;
  if (link.is_server_closed && !link.is_silent) {  // answered by a reset
    count(SimFault::kWriteAfterClose);
    if (random.chance(5000)) link.down.clear();
    link.is_client_reset = link.down.empty();
    link.error = ECONNRESET;
    return;
  }
  log_bytes("client writes", link.id, bytes);
  link.up += bytes;
  if (!link.is_silent) link.arrived = link.up.size();
}

std::string SimKernel::read(SimLink& link, size_t bytes_max) {
  if (!can_read(link)) return {};
  const size_t bytes = std::min(bytes_max, link.down.size());
  std::string taken = link.down.substr(0, bytes);
  link.down.erase(0, bytes);
  if (link.down.size() <= link.down_room / 2) link.is_full = false;
  log_bytes("client reads", link.id, taken);
  return taken;
}

void SimKernel::end(SimLink& link) {
  log("client ends", link.id);
  link.up_fin = true;
}

void SimKernel::close(SimLink& link) {
  log("client closes", link.id);
  link.up_fin = true;
  link.is_client_gone = true;
}

void SimKernel::reset(SimLink& link) {
  log("client resets", link.id);
  link.is_client_gone = true;
  if (link.error == 0) link.error = ECONNRESET;
  link.down.clear();
}

void SimKernel::break_up(SimLink& link) {
  log("network resets", link.id);
  if (link.error == 0) link.error = ECONNRESET;
  link.is_client_reset = true;
  link.down.clear();
}

void SimKernel::set_silent(SimLink& link, bool is_silent) {
  if (link.is_silent == is_silent) return;
  log("silence", link.id, is_silent);
  link.is_silent = is_silent;
  link.stuck_since_ns = 0;
  if (!is_silent) {
    if (link.error == 0) link.arrived = link.up.size();
    return;
  }
  silent_.push_back(link.shared_from_this());
}

}  // namespace livehub::io
