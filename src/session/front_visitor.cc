// Whose connection it is, and whether that address has too many. A peer that is no trusted proxy is
// known when it connects: over its limits it is reset before a byte was read, which costs least,
// and which browsers take as a reason to come back. Behind a proxy the head has to be read first,
// and only streams count: requests of many clients may share one connection of the proxy. There an
// SSE stream gets 200, a time to come back after and a clean end (an EventSource never returns
// after another status), a WebSocket 429.
#include "auth/forwarded.h"
#include "session/front.h"

namespace livehub::session {
namespace {

constexpr int kTooManyRequests = 429;
constexpr std::string_view kRetryAfterSeconds = "15";

Route too_many() {
  Reply reply;
  reply.status = kTooManyRequests;
  reply.body = "Too many connections from this address.\n";
  reply.content_type = "text/plain; charset=utf-8";
  reply.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  reply.close = true;
  return Route::answer(std::move(reply));
}

}  // namespace

void Front::meet_visitor(uint32_t index) {
  if (index >= visitors_.size()) visitors_.resize(index + 1);
  Visitor& visitor = visitors_[index] = {};
  const std::string text = driver_.peer_address(socket_of(index)).text;
  visitor.address = auth::parse_ip(text).value_or(auth::IpAddress());
  Connection& c = connections_[index];
  if (shared_.trusted_proxies.contains(visitor.address)) return c.set(Connection::kOfProxy);
  if (c.has(Connection::kRefused) || may_enter(index)) return;
  note_ended(index, EndKind::kHttp, 0, "", Cause::kTooManyOfAddress);
  c.phase = Phase::kEnding;  // what it sends until then means nothing
  defer(index, Deferred::What::kReset);
}

// What the head of a proxy's request says. Fly's own field counts on Fly alone: elsewhere a proxy
// passes on whatever the client wrote into it.
void Front::learn_visitor(uint32_t index) {
  const wire::HttpHead& head = connections_[index].http->parser.head();
  std::optional<auth::IpAddress> client;
  if (options_.is_on_fly && head.header_count("fly-client-ip") == 1)
    client = auth::parse_ip(*head.header("fly-client-ip"));
  if (!client)
    client = auth::forwarded_client(shared_.trusted_proxies, head.header_values("x-forwarded-for"));
  auth::IpAddress& address = visitors_[index].address;
  if (client) {
    address = *client;
  } else if (!shared_.trusted_proxies.contains(address)) {
    // The proxy's own, a health check say, behind a request of somebody: those have no limits.
    address = auth::parse_ip(driver_.peer_address(socket_of(index)).text).value_or(address);
  }
}

void Front::limit_streams(uint32_t index) {
  Connection& c = connections_[index];
  const Route::Kind kind = c.http->route.kind;
  const bool is_stream = kind == Route::Kind::kSse || kind == Route::Kind::kWebSocket;
  if (!is_stream || is_refusing(c)) return;
  if (shared_.trusted_proxies.contains(visitors_[index].address) || may_enter(index)) return;
  if (kind == Route::Kind::kSse) return c.set(Connection::kTooMany);
  note_ended(index, EndKind::kHttp, kTooManyRequests, "", Cause::kTooManyOfAddress);
  c.http->route = too_many();
}

bool Front::may_enter(uint32_t index) {
  AddressLimits* limits = shared_.address_limits.get();
  Visitor& visitor = visitors_[index];
  if (limits == nullptr || visitor.address.is_none()) return true;
  const AddressLimits::Entry entry = limits->enter(visitor.address, driver_.now_ns());
  visitor.place = entry.place;
  switch (entry.verdict) {
    case AddressLimits::Verdict::kFine:
      return true;
    case AddressLimits::Verdict::kUncounted:
      ++counters_.address_uncounted;
      return true;
    case AddressLimits::Verdict::kTooMany:
      ++counters_.address_too_many;
      break;
    case AddressLimits::Verdict::kTooFast:
      ++counters_.address_too_fast;
      break;
  }
  return limits->rules().is_counting_only;
}

void Front::leave_visitor(uint32_t index) {
  if (shared_.address_limits) shared_.address_limits->leave(visitors_[index].place);
  visitors_[index] = {};
}

const Visitor* Front::visitor_of(uint32_t index) const {
  const bool is_known = shared_.knows_visitors() && !visitors_[index].address.is_none();
  return is_known ? &visitors_[index] : nullptr;
}

std::string Front::address_of(uint32_t index) const {
  const Visitor* visitor = visitor_of(index);
  return visitor ? auth::ip_text(visitor->address) : driver_.peer_address(socket_of(index)).text;
}

}  // namespace livehub::session
