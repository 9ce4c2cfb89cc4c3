// What feeds channels from outside: a broker's client (Redis, NATS, PostgreSQL), or any other peer
// that this process dials. A source runs on threads of its own; its messages enter the hub through
// its Inlet, and the hub says through it which channels somebody here listens to.
//
// A channel is *fed* if a source says so (feeds()). Its life:
//   1. somebody subscribes, the first in this process: want(), on the shard that owns the channel;
//   2. the broker has confirmed that its messages come to us: the source calls Inlet::confirm(), or
//      says with refuse() that it cannot now. Until then, and for wait_ms() at most, the subscriber
//      waits: its stream's head has not gone out, so that nothing is missed after it;
//   3. messages: Inlet::publish();
//   4. the link was lost and is back, and messages may be missing: Inlet::tell_gap();
//   5. nobody listens any more: unwant(). A later want() begins anew.
// A source may number its channels itself (a position with each message); else the hub does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace livehub {

// A place in a channel that its broker numbers. Only `offset` orders, and it must grow from message
// to message for as long as the channel lives, also when the broker's own numbering begins anew
// (put the time of its creation into the high bits); a message at or below the last one is taken
// for a repeat and dropped. `epoch` is one constant for each source.
struct SourcePosition {
  // Of ids made of milliseconds and a count (Redis Streams); clients see "<ms>-<count>".
  static constexpr uint64_t kTimeEpoch = 0x74696d65'00000000;
  uint64_t epoch = 0;
  uint64_t offset = 0;

  // Both fit: milliseconds up to the year 2109, counts up to 4 million (beyond, they carry).
  static constexpr SourcePosition of_time(uint64_t ms, uint64_t count) {
    return {kTimeEpoch, (ms << 22) + count};
  }
  uint64_t time_ms() const { return offset >> 22; }
  uint64_t time_count() const { return offset & ((1u << 22) - 1); }
};

// A message on its way into the hub. The payload is one line of valid UTF-8 without CR, LF or NUL.
struct Publication {
  std::string_view channel;
  std::string_view payload;
  std::string_view event = {};  // SSE: the event's name; WebSocket clients do not see it
  std::optional<SourcePosition> position = {};  // where the channel's source numbers it
};

// The canary (docs/decisions/2026-11-21-canary.md): a message of the process's own that goes to the
// broker and comes back as all others do. To its source it is one more channel with this name,
// wanted, confirmed and published like the rest; no client can name it.
inline constexpr std::string_view kCanaryChannel = "\001canary";

// Messages of a channel that the hub does not have (any more), for one who resumes.
struct Backlog {
  struct Entry {
    std::string payload;
    std::string event;
    SourcePosition position;
  };
  std::vector<Entry> entries;  // in order, all after the asked position
  bool gap = false;            // some between the asked position and the first entry are gone
};

// A source's way into the hub. All calls from one thread, the same for its whole life, and only
// between Source::start() and the return of Source::stop().
class Inlet {
 public:
  enum class Result : uint8_t {
    kTaken,
    kFull,     // the hub cannot keep up now: wait a few milliseconds, then offer it again
    kRefused,  // not one line of valid UTF-8, or larger than the limit; it is counted
  };
  virtual ~Inlet() = default;
  [[nodiscard]] virtual Result publish(const Publication& publication) = 0;
  // The answer to want(): from here on the channel's messages come. `head`: where the channel
  // stands now, if its source numbers it.
  virtual void confirm(std::string_view channel, std::optional<SourcePosition> head = {}) = 0;
  // The other answer: the broker is away; whoever waits goes on without it. confirm() follows once
  // it is back. Without either answer the hub goes on after Source::wait_ms().
  virtual void refuse(std::string_view channel) = 0;
  // Messages of the channel may be missing before what comes next; every subscriber is told.
  // `head` as for confirm().
  virtual void tell_gap(std::string_view channel, std::optional<SourcePosition> head = {}) = 0;
  // The answer to fetch().
  virtual void deliver(uint64_t token, Backlog backlog) = 0;
  // The broker lives and does not permit the canary (or cannot take it now): this way is not
  // watched until one comes through again, or the link is another. `why`: its own words.
  virtual void refuse_canary(std::string_view /*why*/) {}
};

// A link to a broker or a backend, for readiness, metrics and the log.
struct LinkState {
  std::string name;       // "redis subscriber", say; few and fixed
  bool is_up = false;     // it carries messages: a round trip was seen lately
  bool is_needed = true;  // readiness is red while it is down
  bool is_whole = true;   // false: a part of what goes over another link, which is up all the same
  double state_seconds = 0;  // since when it is so
  double quiet_seconds = 0;  // since it was last proven alive
  uint64_t reconnects = 0;
  std::optional<uint64_t> failures = {};  // commands that failed or had no answer, where counted
  std::string problem;                    // while it is down: one sentence, without secrets
};

class Source {
 public:
  virtual ~Source() = default;
  // Before the first client is accepted. Returns soon, whether the peer can be reached or not. Not
  // empty: the sentence that stops the start. `inlet` lives until stop() has returned.
  [[nodiscard]] virtual std::string start(Inlet& inlet) = 0;
  // After the last shard has ended; its threads are gone when it returns.
  virtual void stop() = 0;
  // Any thread, any time.
  virtual std::vector<LinkState> links() const { return {}; }

  // --- for sources that feed channels; called on shards, must not block (mailbox) ---
  virtual bool feeds(std::string_view /*channel*/) const { return false; }  // immutable rule
  virtual void want(std::string_view /*channel*/) {}
  virtual void unwant(std::string_view /*channel*/) {}
  // How long who joins waits for confirm() or refuse().
  virtual int64_t wait_ms() const { return 2000; }
  // For sources that number: the messages after `after`, up to and with `until`, at most about
  // `bytes_max` of them (fewer is fine: it is asked again from the last one on). Answered by
  // Inlet::deliver(token), also when the broker is away: then with a gap.
  virtual void fetch(std::string_view /*channel*/, SourcePosition /*after*/,
                     SourcePosition /*until*/, size_t /*bytes_max*/, uint64_t /*token*/) {}

  // --- the canary, for sources that feed channels (mailbox) ---
  // What sentences and metrics call it ("redis"); empty: there is none, and none of these is
  // called.
  virtual std::string_view canary_name() const { return {}; }
  // Hands `payload` (digits and spaces) to the broker so that it comes back on kCanaryChannel.
  virtual void send_canary(std::string_view /*payload*/) {}
  // No canary comes back although its links say that they are up: they are dropped and made anew.
  virtual void rebuild() {}
};

}  // namespace livehub
