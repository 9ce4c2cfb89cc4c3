// The WebSocket side of stream.h: libcurl connects (proxies, TLS), the handshake and the frames are
// ours, since Debian's libcurl is built without them.
#include <openssl/rand.h>
#include <poll.h>

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "base/clock.h"
#include "tool/stream.h"
#include "wire/ws_client.h"
#include "wire/ws_handshake.h"
#include "wire/ws_reader.h"
#include "wire/ws_writer.h"

namespace livehub::tool {
namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
constexpr size_t kMessageBytesMax = 64 << 20;
constexpr size_t kBodyShown = 200;
constexpr int64_t kHeadMs = 30'000;
constexpr int64_t kGoodbyeMs = 2'000;

wire::WsMaskKey random_mask() {
  wire::WsMaskKey key{};
  RAND_bytes(key.data(), static_cast<int>(key.size()));
  return key;
}

// How a turn of reading ended.
enum class Got : uint8_t { kBytes, kNothing, kEnd, kStop };

// A connected socket, TLS or not.
class Wire {
 public:
  Wire(const StreamRequest& request, StopSignals& stop) : stop_(stop), easy_(curl_easy_init()) {
    HttpRequest http;
    http.url = request.url.whole();
    http.skips_verification = request.skips_verification;
    http.goes_direct = request.goes_direct;
    prepare_handle(easy_.get(), http);
    curl_easy_setopt(easy_.get(), CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(easy_.get(), CURLOPT_ERRORBUFFER, sentence_.data());
  }

  // A sentence, or nothing once it is connected.
  std::string connect() {
    const CURLcode code = curl_easy_perform(easy_.get());
    if (code != CURLE_OK) return sentence_[0] != '\0' ? sentence_.data() : curl_easy_strerror(code);
    curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket_);
    return {};
  }
  // False: the connection is gone, or it does not move.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      size_t sent = 0;
      const CURLcode code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &sent);
      if (code != CURLE_OK && code != CURLE_AGAIN) return false;
      bytes.remove_prefix(sent);
      pollfd one{socket_, POLLOUT, 0};
      if (!bytes.empty() && ::poll(&one, 1, kHeadMs) == 0) return false;
    }
    return true;
  }
  // What makes the socket readable may be TLS's own (a session ticket, RFC 8446 4.6.1): then it
  // waits on.
  Got receive(std::span<char> room, int64_t wait_ms, std::span<char>& got) {
    const int64_t end_ms = base::monotonic_ms() + wait_ms;
    for (;;) {
      size_t count = 0;
      const CURLcode code = curl_easy_recv(easy_.get(), room.data(), room.size(), &count);
      if (code == CURLE_OK && count == 0) return Got::kEnd;
      got = room.first(count);
      if (code == CURLE_OK) return Got::kBytes;
      if (code != CURLE_AGAIN) return Got::kEnd;
      const int64_t left_ms = end_ms - base::monotonic_ms();
      if (left_ms < 0) return Got::kNothing;
      std::array<pollfd, 2> both{pollfd{socket_, POLLIN, 0}, pollfd{stop_.fd(), POLLIN, 0}};
      if (::poll(both.data(), both.size(), static_cast<int>(left_ms)) == 0) return Got::kNothing;
      if (both[1].revents != 0) return Got::kStop;
    }
  }

 private:
  struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  StopSignals& stop_;
  std::unique_ptr<CURL, EasyDeleter> easy_;
  std::array<char, CURL_ERROR_SIZE> sentence_{};
  curl_socket_t socket_ = -1;
};

std::string handshake_text(const StreamRequest& request, const std::string& key) {
  std::string query = request.url.query;
  if (request.has_envelopes)
    query += (query.empty() ? "" : "&") + ("last_event_id=" + request.last_event_id);
  std::string text = "GET " + request.url.path + (query.empty() ? "" : "?" + query) +
                     " HTTP/1.1\r\nHost: " + request.url.host +
                     (request.url.port.empty() ? "" : ":" + request.url.port) +
                     "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                     key + "\r\nUser-Agent: livehub/" LIVEHUB_VERSION "\r\n";
  for (const std::string& header : request.headers) text += header + "\r\n";
  return text + "\r\n";
}

// The value of a header in a head, without the blanks around it.
std::string header_of(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  size_t begin = head.find("\r\n");
  while (begin != head.npos) {
    std::string_view line = head.substr(begin + 2);
    line = line.substr(0, line.find("\r\n"));
    if (line.size() > name.size() && line[name.size()] == ':' &&
        std::equal(name.begin(), name.end(), line.begin(), same)) {
      line.remove_prefix(name.size() + 1);
      while (line.starts_with(' ')) line.remove_prefix(1);
      while (line.ends_with(' ')) line.remove_suffix(1);
      return std::string(line);
    }
    begin = head.find("\r\n", begin + 2);
  }
  return {};
}

class Reader {
 public:
  Reader(const StreamRequest& request, StreamSink& sink, StopSignals& stop)
      : request_(request), sink_(sink), wire_(request, stop) {}

  StreamEnd run() {
    if (std::string error = wire_.connect(); !error.empty())
      return {StreamEnd::Kind::kUnreachable, 0, 0, std::move(error)};
    std::string rest;
    if (std::optional<StreamEnd> end = shake_hands(rest)) return *end;
    if (!sink_.on_open()) return goodbye();
    if (std::optional<StreamEnd> end = take({rest.data(), rest.size()})) return *end;
    return read_frames();
  }

 private:
  static StreamEnd ended(StreamEnd::Kind kind, std::string sentence) {
    return {kind, 0, 0, std::move(sentence)};
  }

  // Nothing: the connection is a WebSocket; `rest` are the bytes behind the head.
  std::optional<StreamEnd> shake_hands(std::string& rest) {
    std::array<uint8_t, 16> nonce{};
    RAND_bytes(nonce.data(), static_cast<int>(nonce.size()));
    const std::string key = wire::ws_key_from_nonce(nonce);
    if (!wire_.send(handshake_text(request_, key)))
      return ended(StreamEnd::Kind::kUnreachable, "the connection broke during the handshake");
    std::string head;
    const int64_t end_ms = base::monotonic_ms() + kHeadMs;
    while (head.find("\r\n\r\n") == head.npos) {
      std::span<char> got;
      switch (wire_.receive(room_, std::max<int64_t>(0, end_ms - base::monotonic_ms()), got)) {
        case Got::kStop:
          return ended(StreamEnd::Kind::kStopped, {});
        case Got::kNothing:
        case Got::kEnd:
          return ended(StreamEnd::Kind::kUnreachable,
                       "the server ended the connection without an answer to the handshake");
        case Got::kBytes:
          head.append(got.data(), got.size());
      }
      if (head.size() > kHeadBytesMax)
        return ended(StreamEnd::Kind::kUnreachable, "the answer to the handshake has no end");
    }
    const size_t size = head.find("\r\n\r\n") + 4;
    rest = head.substr(size);
    head.resize(size);
    return check_head(head, key, rest);
  }

  static std::optional<StreamEnd> check_head(const std::string& head, const std::string& key,
                                             const std::string& rest) {
    const std::string status = head.substr(std::min<size_t>(9, head.size()), 3);
    if (status == "101" && header_of(head, "Sec-WebSocket-Accept") == wire::ws_accept_key(key))
      return std::nullopt;
    StreamEnd end = ended(StreamEnd::Kind::kRejected, "status " + status);
    end.status = std::strtol(status.c_str(), nullptr, 10);
    if (status == "101") end.sentence += " with a wrong Sec-WebSocket-Accept";
    const std::string body = rest.substr(0, kBodyShown);
    if (!body.empty() && body.find_first_of("\r\n<") == body.npos) end.sentence += ": " + body;
    return end;
  }

  StreamEnd read_frames() {
    int64_t heard_ms = base::monotonic_ms();
    bool was_pinged = false;
    for (;;) {
      const int64_t silent_ms = base::monotonic_ms() - heard_ms;
      if (silent_ms >= request_.silence_ms)
        return ended(StreamEnd::Kind::kCut, "nothing came, not even the answer to a ping");
      if (silent_ms >= request_.silence_ms / 2 && !was_pinged) {
        was_pinged = true;
        if (!wire_.send(wire::ws_client_frame(wire::WsOpcode::kPing, {}, random_mask())))
          return ended(StreamEnd::Kind::kCut, "the connection broke");
      }
      std::span<char> got;
      const int64_t due_ms = was_pinged ? request_.silence_ms : request_.silence_ms / 2;
      const Got what = wire_.receive(room_, std::max<int64_t>(1, due_ms - silent_ms), got);
      if (what == Got::kStop) return goodbye();
      if (what == Got::kEnd) return ended(StreamEnd::Kind::kCut, "the connection broke");
      if (what == Got::kNothing) continue;
      heard_ms = base::monotonic_ms();
      was_pinged = false;
      if (std::optional<StreamEnd> end = take(got)) return *end;
    }
  }

  std::optional<StreamEnd> take(std::span<char> bytes) {
    wire::WsLimits limits;
    limits.message_bytes_max = kMessageBytesMax;
    limits.fragments_max = 1 << 20;
    for (;;) {
      const wire::WsEvent event = reader_.next(bytes, limits);
      using Kind = wire::WsEvent::Kind;
      if (event.kind == Kind::kNeedMore) return std::nullopt;
      if (event.kind == Kind::kPong) continue;
      if (event.kind == Kind::kPing) {
        if (!wire_.send(wire::ws_client_frame(wire::WsOpcode::kPong, event.payload, random_mask())))
          return ended(StreamEnd::Kind::kCut, "the connection broke");
      } else if (event.kind == Kind::kClose) {
        (void)wire_.send(wire::ws_client_close_frame(event.close_code, {}, random_mask()));
        return closed(event);
      } else if (event.kind == Kind::kError) {
        return ended(StreamEnd::Kind::kForGood,
                     std::string("the server breaks the protocol: ") + event.detail);
      } else if (!deliver(event.payload)) {
        return goodbye();
      }
    }
  }

  bool deliver(std::string_view frame) {
    const auto envelope = request_.has_envelopes ? parse_envelope(frame) : std::nullopt;
    if (!envelope) return sink_.on_message({{}, {}, frame});
    if (envelope->is_gap) return sink_.on_message({envelope->id, "gap", "{}"});
    return sink_.on_message({envelope->id, {}, envelope->data});
  }

  static StreamEnd closed(const wire::WsEvent& event) {
    StreamEnd end =
        ended(StreamEnd::Kind::kEnded, "closed with " + std::to_string(event.close_code));
    end.close_code = event.close_code;
    if (!event.payload.empty()) end.sentence += " (" + std::string(event.payload) + ")";
    // Those two say that coming back will not help.
    if (event.close_code == wire::kWsCloseNormal ||
        event.close_code == wire::kWsClosePolicyViolation)
      end.kind = StreamEnd::Kind::kForGood;
    return end;
  }

  // Our own end: says so, and waits a little for the answer.
  StreamEnd goodbye() {
    StreamEnd end = ended(StreamEnd::Kind::kStopped, {});
    if (!wire_.send(wire::ws_client_close_frame(wire::kWsCloseNormal, {}, random_mask())))
      return end;
    const int64_t end_ms = base::monotonic_ms() + kGoodbyeMs;
    for (int64_t left = kGoodbyeMs; left > 0; left = end_ms - base::monotonic_ms()) {
      std::span<char> got;
      if (wire_.receive(room_, left, got) != Got::kBytes) return end;
      if (got.size() >= 2 && (static_cast<uint8_t>(got[0]) & 15) == 8) return end;
    }
    return end;
  }

  const StreamRequest& request_;
  StreamSink& sink_;
  Wire wire_;
  wire::WsReader reader_{wire::WsRole::kClient};
  std::array<char, 65536> room_{};
};

}  // namespace

StreamEnd read_websocket(const StreamRequest& request, StreamSink& sink, StopSignals& stop) {
  const auto reader = std::make_unique<Reader>(request, sink, stop);
  return reader->run();
}

std::optional<Envelope> parse_envelope(std::string_view frame) {
  constexpr std::string_view kHead = R"({"id":")";
  constexpr std::string_view kData = R"(","data":)";
  constexpr std::string_view kGap = R"(","gap":true})";
  if (!frame.starts_with(kHead) || !frame.ends_with('}')) return std::nullopt;
  frame.remove_prefix(kHead.size());
  const size_t quote = frame.find_first_of("\"\\");  // a position needs no escapes
  if (quote == frame.npos) return std::nullopt;
  Envelope envelope;
  envelope.id = frame.substr(0, quote);
  frame.remove_prefix(quote);
  envelope.is_gap = frame == kGap;
  if (envelope.is_gap) return envelope;
  if (!frame.starts_with(kData)) return std::nullopt;
  envelope.data = frame.substr(kData.size(), frame.size() - kData.size() - 1);
  return envelope;
}

}  // namespace livehub::tool
