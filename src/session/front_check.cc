// Front::check_invariants(): the numbered list of front.h, in code. Walks everything; for tests and
// the simulator.
#include "base/check.h"
#include "session/front.h"

namespace livehub::session {

void Front::check_invariants() const {
  hub_.check_invariants();
  uint64_t sse = 0, ws = 0;
  uint32_t peers = 0;
  for (hub::PeerId id = 0; id < hub_.fanout().peers_end(); ++id)
    peers += hub_.fanout().has_peer(id);
  LIVEHUB_CHECK(peers == connections_.live() + canary_.is_open(),
                "every peer of the hub is a connection, or the canary");  // invariant 1
  LIVEHUB_CHECK(wheel_.armed_or_idle() == connections_.live(), "every timer is a connection's");
  for (uint32_t index = 0; index < connections_.index_end(); ++index) {
    if (!connections_.contains(index)) continue;
    const Connection& c = connections_[index];
    check_connection(index);
    if (c.has(Connection::kAdmitted)) ++(c.has(Connection::kWebSocket) ? ws : sse);
  }
  LIVEHUB_CHECK(sse == counters_.open_sse && ws == counters_.open_ws, "open streams are counted");
  LIVEHUB_CHECK(counters_.accepted - counters_.closed == connections_.live(),
                "connections are counted");
  LIVEHUB_CHECK(account_.held() >= 0, "nothing is released that was not charged");
}

void Front::check_connection(uint32_t index) const {
  const Connection& c = connections_[index];
  LIVEHUB_CHECK(hub_.fanout().has_peer(index), "a connection has its peer");  // invariant 1
  LIVEHUB_CHECK(c.generation != 0 && sending_[index].generation == c.generation,
                "generations agree");
  // Only the owner's answer is waited for without a time: it comes within PUSH_WAIT_MS.
  LIVEHUB_CHECK(c.phase == Phase::kReply || wheel_.is_armed(index), "every wait has an end");
  const hub::Peer& peer = hub_.fanout().peer(index);
  const bool is_fed = peer.subscription_count > 0;
  switch (c.phase) {
    case Phase::kHead:
      LIVEHUB_CHECK(!is_fed, "who asked for nothing gets nothing");
      break;
    case Phase::kBody:
    case Phase::kReply:
      LIVEHUB_CHECK(c.http && !is_fed, "a request is read, not fed");
      break;
    case Phase::kOpening:  // invariant 2
      LIVEHUB_CHECK(c.http && is_fed, "a stream that opens waits for its subscription");
      break;
    case Phase::kSse:
    case Phase::kWs:
      LIVEHUB_CHECK(c.has(Connection::kAdmitted), "an open stream is counted");
      LIVEHUB_CHECK(is_fed || c.has(Connection::kEcho) || c.has(Connection::kOpenedNow),
                    "an open stream is subscribed");
      break;
    case Phase::kWsClosing:
    case Phase::kEnding:
    case Phase::kLingering:
      LIVEHUB_CHECK(!c.has(Connection::kAdmitted), "who goes is not counted as open");
      break;
  }
  if (c.phase == Phase::kLingering) LIVEHUB_CHECK(!is_fed, "nothing is sent after our end");
}

}  // namespace livehub::session
