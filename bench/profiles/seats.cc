#include "profiles/seats.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "load/clock.h"

namespace livehub::bench {
namespace {

constexpr int kWaitMs = 5;
constexpr uint32_t kClientsOfAddress = 10'000;  // the ports to one address bind at 28,000
constexpr uint8_t kText = 0x81, kPong = 0x8a, kMasked = 0x80;

sockaddr_in loopback(uint32_t host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

}  // namespace

Seats::Seats(const Plan& plan, unsigned process, Tally& tally, const Orders& orders)
    : plan_(plan), process_(process), tally_(tally), orders_(orders), epoll_(epoll_create1(0)) {
  const size_t end = plan.seats.size() * (process + 1) / plan.processes;
  for (size_t i = plan.seats.size() * process / plan.processes; i < end; ++i) {
    Client& client = clients_.emplace_back(*this, plan.seats[i]);
    if (client.seat.sends) senders_.push_back(&client);
  }
}

void Seats::run() {
  std::array<epoll_event, 512> events{};
  for (;;) {
    dial_more();
    const int count = epoll_wait(epoll_, events.data(), events.size(), kWaitMs);
    for (int i = 0; i < count; ++i)
      on_event(*static_cast<Client*>(events[i].data.ptr), events[i].events);
    send_due(now_ns());
  }
}

void Seats::dial_more() {
  while (dialled_ < clients_.size() && on_their_way_ < plan_.window) dial(clients_[dialled_++]);
}

void Seats::dial(Client& client) {
  ++on_their_way_;
  client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client.fd < 0) return fail(client);
  const int on = 1;
  setsockopt(client.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const auto block = static_cast<uint32_t>(dialled_ / kClientsOfAddress);
  const sockaddr_in from = loopback(0x7f100000U + (process_ << 8) + block + 1, 0);
  const sockaddr_in to = loopback(INADDR_LOOPBACK, plan_.port);
  if (bind(client.fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0)
    return fail(client);
  const int done = connect(client.fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  if (done != 0 && errno != EINPROGRESS) return fail(client);
  epoll_event wanted{};
  wanted.events = EPOLLOUT;
  wanted.data.ptr = &client;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &wanted);
}

std::string Seats::request(const Client& client) const {
  std::string text = "GET " + client.seat.target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  if (!plan_.header.empty()) text += plan_.header + "\r\n";
  if (plan_.is_websocket) {
    text +=
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  } else {
    text += "Accept: text/event-stream\r\n";
  }
  return text + "\r\n";
}

void Seats::on_event(Client& client, uint32_t events) {
  if (client.phase == Phase::kGone) return;
  if (client.phase == Phase::kDialling) {
    const std::string text = request(client);
    if ((events & EPOLLERR) != 0 || ::send(client.fd, text.data(), text.size(), MSG_NOSIGNAL) !=
                                        static_cast<ssize_t>(text.size()))
      return fail(client);
    client.phase = Phase::kHead;
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.ptr = &client;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &wanted);
    return;
  }
  const ssize_t got = recv(client.fd, buffer_.data(), buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return fail(client);
  std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
  if (client.phase == Phase::kHead && !read_head(client, bytes)) return;
  if (!client.reader.feed(bytes, client) || client.is_closed) fail(client);
}

// False: there is nothing behind the head yet.
bool Seats::read_head(Client& client, std::string_view& bytes) {
  client.head += bytes;
  const size_t end = client.head.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const char* const expected = plan_.is_websocket ? "HTTP/1.1 101" : "HTTP/1.1 200";
  if (!client.head.starts_with(expected)) {
    fail(client);
    return false;
  }
  bytes.remove_prefix(bytes.size() - (client.head.size() - end - 4));
  std::string().swap(client.head);
  client.phase = Phase::kOpen;
  return !bytes.empty();
}

void Seats::on_text(Client& client, std::string_view text) {
  if (!client.has_greeted && !client.seat.greeting.empty()) {
    client.has_greeted = true;
    send_frame(client, kText, client.seat.greeting);
  }
  if (client.phase == Phase::kOpen && text.find(plan_.ready) != std::string_view::npos)
    become_ready(client);
  if (const auto marker = find_marker(text)) return count(client, *marker);
  if (text.find("\"type\":\"gap\"") != std::string_view::npos || text == "event: gap")
    tally_.add(tally_.gaps);
  if (text.find("\"type\":\"error\"") != std::string_view::npos) tally_.add(tally_.errors);
}

void Seats::count(Client& client, const Marker& marker) {
  const Sequences::Verdict verdict = client.sequences.take(marker);
  tally_.add(tally_.lost, verdict.lost);
  if (verdict.is_repeat) return tally_.add(tally_.repeats);
  tally_.add(tally_.received[marker.publisher]);
  tally_.latency[marker.publisher].record(now_ns() - marker.due_ns);
}

void Seats::become_ready(Client& client) {
  client.phase = Phase::kReady;
  --on_their_way_;
  tally_.add(tally_.ready);
}

void Seats::fail(Client& client) {
  if (client.phase != Phase::kReady) --on_their_way_;
  client.phase = Phase::kGone;
  if (client.fd >= 0) close(client.fd);
  client.fd = -1;
  tally_.add(tally_.failed);
}

void Seats::Client::on_ping(std::string_view payload) { seats.send_frame(*this, kPong, payload); }

// Masked with zeros, which any client may choose. What the socket does not take is a client that
// the server has stopped reading: it counts as lost further on.
void Seats::send_frame(const Client& client, uint8_t opcode, std::string_view payload) {
  if (client.fd < 0) return;
  std::string frame(1, static_cast<char>(opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(kMasked | payload.size());
  } else {
    frame += static_cast<char>(kMasked | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  frame.append(4, '\0');
  frame += payload;
  const ssize_t done = ::send(client.fd, frame.data(), frame.size(), MSG_NOSIGNAL);
  if (done != static_cast<ssize_t>(frame.size())) tally_.add(tally_.errors);
}

void Seats::send_due(int64_t now_ns) {
  const int64_t every_ns = orders_.send_every_ns.load(std::memory_order_relaxed);
  const int64_t until_ns = orders_.send_until_ns.load(std::memory_order_acquire);
  if (every_ns == 0 || senders_.empty() || now_ns < next_send_ns_) return;
  if (next_send_ns_ == 0) next_send_ns_ = now_ns;
  for (; next_send_ns_ <= now_ns && next_send_ns_ < until_ns; next_send_ns_ += every_ns) {
    Client& client = *senders_[next_sender_++ % senders_.size()];
    if (client.phase != Phase::kReady) continue;
    const Marker marker{.publisher = 1, .sequence = ++client.sent, .due_ns = next_send_ns_};
    send_frame(client, kText,
               R"({"type":"message","role":"USER","content":")" + marker_text(marker) + "\"}");
    tally_.add(tally_.sent);
    tally_.add(tally_.owed, client.seat.members);
  }
}

}  // namespace livehub::bench
