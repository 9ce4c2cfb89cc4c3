// livehub's public API, the first header to open: a profile is the wire contract of one service,
// written on this page alone. One object of it lives on each shard and is only ever called there
// (shard-local), so it needs no locks; what all shards share is made by the factory and is
// immutable.
//
// The life of a request: route() is asked as soon as its head is complete and says what happens: a
// reply, a body to be read (then on_body()), a stream (SSE or WebSocket: then on_open(), where the
// profile subscribes), or nothing but a closed socket. A stream's response head goes out only when
// its first subscription is confirmed: from then on nothing of the channel is missed.
//
// Handles (Exchange, Session) are small values: copy them, keep them; a call on one whose
// connection is gone does nothing and says so where it matters.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "livehub/source.h"

namespace livehub {

namespace session {
class Front;
}

struct Field {
  std::string_view name;
  std::string_view value;
};

// A request's head. Valid during the call it is given to.
class Request {
 public:
  virtual ~Request() = default;
  virtual std::string_view method() const = 0;
  virtual std::string_view path() const = 0;  // without the query, as sent
  virtual std::string_view query() const = 0;
  virtual std::optional<std::string_view> header(std::string_view name) const = 0;  // any case
  virtual std::optional<std::string> query_value(std::string_view name) const = 0;  // decoded
  virtual bool is_websocket() const = 0;  // asks for an upgrade to it
  // Text; what a trusted proxy says, else the peer's, which costs a system call.
  virtual std::string client_address() const = 0;
};

struct Reply {
  int status = 200;
  std::string body = {};
  std::string content_type = {};  // empty: no such header
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool close = false;  // the connection ends with it
};

struct Stream {
  std::vector<std::pair<std::string, std::string>> headers = {};  // of the 200 or the 101
  std::string content_type = "text/event-stream; charset=utf-8";  // SSE
  std::string subprotocol = {};                                   // WebSocket: echoed, empty: none
  size_t message_bytes_max = 65536;  // WebSocket: a larger one closes with 1009
  uint32_t fragments_max = 1024;     // WebSocket, of a message: more close with 1008; up to 65535
  bool keep_messages = true;         // false: what the client sends is checked and dropped
  bool may_compress = true;          // false: never, whatever COMPRESSION says
  uint32_t heartbeat_seconds = 0;    // 0: the server's default for the kind
  uint32_t pong_seconds = 0;  // WebSocket: how long an answer to a ping may take; 0: as above
  uint64_t tag = 0;           // the profile's own
};

// What route() decides.
struct Route {
  enum class Kind : uint8_t { kReply, kBody, kSse, kWebSocket, kDestroy };
  Kind kind = Kind::kDestroy;
  Reply reply;
  Stream stream;
  size_t body_bytes_max = 0;
  Reply body_too_large;  // the answer to a larger body
  uint64_t tag = 0;

  static Route answer(Reply reply);
  static Route read_body(size_t bytes_max, Reply too_large, uint64_t tag = 0);
  static Route sse(Stream stream);
  static Route websocket(Stream stream);
  static Route destroy();  // the socket is closed without a byte
};

enum class PublishResult : uint8_t {
  kAccepted,  // sequenced, and on its way to every subscriber there is
  kBusy,  // nobody got it: subscribers cannot keep up, or memory is used up; 503 with Retry-After
  kRefused,  // it is not one line of valid UTF-8, or larger than the limit: the profile's mistake
};

enum class SlowReader : uint8_t { kDisconnect, kSkip, kNewest };

// How a subscriber sees messages. An SSE event has the name that its publication has, if any.
enum class Format : uint8_t {
  kDefault,   // SSE: an event with its id. WebSocket: a text frame with the payload
  kEnvelope,  // WebSocket: a text frame {"id":"<position>","data":<payload>}
  kNoId,      // SSE: an event without its id
};

struct Subscribe {
  std::string_view channel;
  Format format = Format::kDefault;
  std::optional<SlowReader> slow_reader = {};  // default: the server's setting
  std::optional<std::string_view> resume_after =
      {};  // a position the client sent; not ours: from now
};

// A request whose body was read, waiting for its reply.
class Exchange {
 public:
  Exchange() = default;
  bool is_open() const;
  uint64_t tag() const { return tag_; }
  void reply(const Reply& reply);
  // Hands a message to its channel; it is one line of valid UTF-8 without CR, LF or NUL. The answer
  // comes as Profile::on_published(), maybe before this returns; until then the exchange stays
  // open.
  void publish(std::string_view channel, std::string_view payload);
  // For an answer that comes later, from another thread's work say: keep the handle, and reply on
  // this shard (ProfileContext::post). An exchange that nobody answers is closed after that long.
  void wait_ms(uint32_t ms);

 private:
  friend class session::Front;
  session::Front* front_ = nullptr;
  uint32_t index_ = 0;
  uint32_t generation_ = 0;
  uint64_t tag_ = 0;
};

// One open stream, SSE or WebSocket.
class Session {
 public:
  Session() = default;
  bool is_open() const;
  bool is_websocket() const;
  uint64_t tag() const { return tag_; }
  void set_tag(uint64_t tag);  // handles given to later callbacks have it
  // Sends the head now, without waiting for a subscription: what is sent comes right behind it.
  void open_now();
  void subscribe(const Subscribe& options);
  // Holds a channel without receiving it: Profile::on_watching() says from where on nothing of it
  // is lost (within its history). subscribe() with that position goes on from there, and ends it.
  void watch(std::string_view channel);
  void unsubscribe(std::string_view channel);
  void send_text(std::string_view message);  // WebSocket: a text frame
  void send_event(std::string_view id, std::string_view event, std::string_view data);  // SSE
  void send_comment(std::string_view text);                                             // SSE
  void send_id(std::string_view id);  // SSE: stored by the browser, fires nothing
  // WebSocket: close handshake with that code. SSE: a clean end; a browser comes back.
  void close(uint16_t code, std::string_view reason);
  // As publish() of an exchange; `skip_me`: this connection does not get it. Fire and forget.
  void publish(std::string_view channel, std::string_view payload, bool skip_me);

 private:
  friend class session::Front;
  session::Front* front_ = nullptr;
  uint32_t index_ = 0;
  uint32_t generation_ = 0;
  uint64_t tag_ = 0;
};

enum class Gap : uint8_t {
  kExpired,    // the position is older than the history
  kRestarted,  // the position is another process's
  kTooSlow,    // the client was overtaken and skipped ahead
  kSource,     // the link to the channel's source was lost for a while
};

// One word, for clients and for metrics.
constexpr std::string_view gap_name(Gap gap) {
  switch (gap) {
    case Gap::kExpired:
      return "expired";
    case Gap::kRestarted:
      return "restarted";
    case Gap::kTooSlow:
      return "slow";
    case Gap::kSource:
      return "source";
  }
  return "unknown";
}

class Profile {
 public:
  virtual ~Profile() = default;

  virtual Route route(const Request& request) = 0;
  virtual void on_body(Exchange, const Request&, std::string_view /*body*/) {}
  virtual void on_published(Exchange, PublishResult, std::string_view /*position*/) {}

  // Each on_open() is followed by one on_close(), whatever becomes of the connection.
  virtual void on_open(Session, const Request&) {}
  // The subscription is live after `position`; what is sent here comes before its first message.
  virtual void on_subscribed(Session, std::string_view /*channel*/, std::string_view /*position*/) {
  }
  // Session::watch() has taken hold.
  virtual void on_watching(Session, std::string_view /*channel*/, std::string_view /*position*/) {}
  // Messages are missing before what comes now; `position`: where the stream goes on. Of a watched
  // channel too.
  virtual void on_gap(Session, Gap, std::string_view /*channel*/, std::string_view /*position*/) {}
  // The connection was quiet for heartbeat_seconds: true, if the profile has sent something of its
  // own; else the server's comment (SSE) goes out. WebSockets are pinged without asking.
  virtual bool on_heartbeat(Session) { return false; }
  virtual void on_text(Session, std::string_view /*message*/) {}
  virtual void on_binary(Session, std::string_view /*message*/) {}
  virtual void on_close(Session, uint16_t /*code*/, std::string_view /*reason*/) {}
  // How this service tells a client that it will be gone soon; the default closes WebSockets with
  // 1012 and ends SSE streams with a retry time.
  virtual uint16_t drain_close_code() const { return 1012; }
  virtual std::string_view drain_close_reason() const { return "going away"; }
  virtual Reply drain_reply() const;  // to a push while draining
  // Profiles whose clients count failed attempts let new WebSockets in while draining and close
  // them 1012.
  virtual bool accepts_websockets_while_draining() const { return false; }

  // Called about every tick_ms() (0: never), with the monotonic clock.
  virtual int64_t tick_ms() const { return 0; }
  virtual void on_tick(int64_t /*now_ns*/) {}
};

// What a profile needs to know of the place where it runs.
struct ProfileContext {
  uint32_t shard = 0;
  uint32_t shard_count = 1;
  // A larger message does not get into the hub, wherever it comes from (MESSAGE_BYTES): what goes
  // to a broker first is looked at before.
  size_t message_bytes_max = SIZE_MAX;
  std::function<int64_t()> unix_seconds;
  // A message from the profile itself (a generator's); no answer. On this shard.
  std::function<void(const Publication&)> publish;
  // Runs work on this shard, from any thread, while its sources run; later it is dropped. Rare
  // things: it takes a lock.
  std::function<void(std::function<void()>)> post;
  // What /metrics says, made without holding this shard up; `done` is called here, later.
  std::function<void(std::function<void(std::string)> done)> metrics_text;
};

using ProfileFactory = std::function<std::unique_ptr<Profile>(const ProfileContext&)>;

}  // namespace livehub
