// Redis as a source: pub/sub channels and streams feed hub channels, and anyone may send commands.
// The first header of src/source/redis*: what a profile uses of it.
//
// One thread of its own runs a poll loop over at most three connections, made as they are needed:
// commands, subscriber (pub/sub) and streams (XREAD BLOCK). Each proves itself by a round trip
// every 5 s, is given up after 10 s of silence, and comes back with backoff and jitter, its name
// resolved anew. After that everything is subscribed again in batches; streams go on from the last
// entry that was read. Owner: whoever made it (shared with the engine). mailbox: command(),
// publish(), links() and what Source calls on shards may be called from any thread; callbacks and
// hooks run on the Redis thread. Limits: commands_max commands at once, 64 MB of one reply,
// 1,048,576 elements in it. Tests: tests/unit/source/redis_source_test.cc and its
// neighbours.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/source.h"

namespace livehub::source {

// A reply, or a part of one. An error has its sentence in `text`; so has a command that was never
// answered ("redis: ..."): then is_local is set and it may or may not have been carried out.
struct RedisReply {
  enum class Kind : uint8_t { kNil, kString, kStatus, kError, kInteger, kArray };
  Kind kind = Kind::kNil;
  bool is_local = false;
  int64_t integer = 0;
  std::string text = {};
  std::vector<RedisReply> items = {};

  bool is_error() const { return kind == Kind::kError; }
  bool is_nil() const { return kind == Kind::kNil; }
};

// Called once, on the Redis thread, whatever becomes of the command. It must not block.
using RedisCallback = std::function<void(const RedisReply&)>;

struct RedisOptions {
  std::string url;                        // redis[s]://[user[:password]@]host[:port][/database]
  std::string ca_file = {};               // of rediss://; empty: the system's roots
  bool force_tls = false;                 // redis:// too
  std::optional<uint32_t> database = {};  // wins over the one of the url
  // Streams: beside plain reading, keep this consumer group at the newest entry that was read, for
  // whoever watches its lag. The machine's name is added to it. Empty: none.
  std::string consumer_group = {};
  std::string consumer_name = "livehub";
  size_t commands_max = 8192;
  uint32_t command_ms = 5000;
  // For tests; in milliseconds.
  uint32_t probe_ms = 5000;
  uint32_t silence_ms = 10'000;
  uint32_t connect_ms = 5000;
  uint32_t backoff_ms_max = 1000;
};

// Which hub channels Redis feeds: those that begin with `channel_prefix` (and, if `channels` is not
// empty, stand in it). In Redis `key_prefix` stands in its place.
struct RedisRule {
  enum class Kind : uint8_t { kNone, kPubSub, kStream };
  Kind kind = Kind::kNone;
  std::string channel_prefix = {};
  std::string key_prefix = {};
  std::vector<std::string> channels = {};
};

// What the broker said, for the hook. Valid during the call.
struct RedisMessage {
  std::string_view channel;            // the hub's name of it
  std::string_view payload;            // pub/sub
  std::span<const RedisReply> fields;  // stream: name, value, name, value; all strings
  SourcePosition position;             // stream
  int64_t now_ms = 0;                  // by the calendar
  bool is_backlog = false;             // asked for by one who resumes (Source::fetch)
};

// What the hub is to publish of it.
struct RedisOutcome {
  std::string payload = {};  // one line of valid UTF-8
  std::string event = {};
};

// Turns a broker's message into a publication; false drops it. On the Redis thread; of one stream
// entry it may be asked more than once.
using RedisHook = std::function<bool(const RedisMessage&, RedisOutcome&)>;

// "<ms>-<count>", a stream entry's id; nullopt for anything else, or beyond SourcePosition's range.
[[nodiscard]] std::optional<SourcePosition> redis_position(std::string_view id);
[[nodiscard]] std::string redis_id(SourcePosition position);
// This machine among its like: FLY_MACHINE_ID, else the host's name.
[[nodiscard]] std::string machine_name();

class RedisSource final : public Source {
  struct Private {};  // so that only make() makes one

 public:
  // nullptr: `error` is the sentence that stops the start, without secrets.
  // Without a hook pub/sub payloads pass as they are, and of an entry the field `d`.
  [[nodiscard]] static std::shared_ptr<RedisSource> make(RedisOptions options, RedisRule rule,
                                                         RedisHook hook, std::string& error);
  explicit RedisSource(Private);
  ~RedisSource() override;
  RedisSource(const RedisSource&) = delete;
  RedisSource& operator=(const RedisSource&) = delete;

  // Sends a command; while the link is down it fails at once. False: not taken, since commands_max
  // wait or the source does not run; `done` is not called then.
  [[nodiscard]] bool command(std::vector<std::string> arguments, RedisCallback done);
  // PUBLISH, nothing said of its outcome unless `done`. With `skip_echo` this process's own
  // subscription does not see that payload on that channel once within the next 5 s. False as
  // above.
  [[nodiscard]] bool publish(std::string key, std::string payload, bool skip_echo,
                             RedisCallback done = {});
  // The last round trip of the command link, milliseconds; -1 while it is down. Any thread.
  double ping_ms() const;

  // --- Source ---
  [[nodiscard]] std::string start(Inlet& inlet) override;
  void stop() override;
  std::vector<LinkState> links() const override;
  bool feeds(std::string_view channel) const override;
  void want(std::string_view channel) override;
  void unwant(std::string_view channel) override;
  void fetch(std::string_view channel, SourcePosition after, SourcePosition until, size_t bytes_max,
             uint64_t token) override;
  // Pub/sub, or (where the rule reads streams) a stream of a few entries that expires: one key of
  // this process's own, "livehub:canary:" and 16 hex digits.
  std::string_view canary_name() const override;
  void send_canary(std::string_view payload) override;
  void rebuild() override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace livehub::source
