// What a profile hears of NATS beside its channels, and who tells it: NatsSource (source/nats.h),
// or what the simulator puts in its place. Profiles know no more of it than this. immutable values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace livehub::source {

// Something came on a subject (wildcards allowed), or may have been missed: told once for all that
// comes within hold_ms of the first.
struct NatsListen {
  std::string subject;
  int64_t hold_ms = 0;
  std::function<void()> on_news;
};

// The keys of a bucket (made where it is missing: history 1): all of them in order, at first and
// when they have changed, once for all that changes within hold_ms.
struct NatsBucket {
  std::string name;
  int64_t bytes_max = 0;
  int64_t hold_ms = 0;
  std::function<void(std::vector<std::string> keys)> on_keys;
};

// mailbox: any thread, none of these blocks. What callbacks are given runs on a thread of the
// source's; it must not block, and moves what it has to where it belongs (ProfileContext::post).
class NatsSubscriber {
 public:
  virtual ~NatsSubscriber() = default;
  // Both begin and end anything in order; the callback may run once more right after unlisten().
  virtual uint64_t listen(NatsListen listen) = 0;
  virtual uint64_t listen(NatsBucket bucket) = 0;
  virtual void unlisten(uint64_t id) = 0;
  // Whether the link carries messages: while it does not, nobody tells of changes.
  virtual bool is_up() const = 0;
};

}  // namespace livehub::source
