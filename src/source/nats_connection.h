// One connection to a NATS server, on libnats: dialled once, used by one thread (the link's), and
// thrown away when it is lost. libnats's own reconnecting stays off: a new connection resolves the
// server's name anew, and what was subscribed is subscribed again by who knows why.
//
// libnats calls back on threads of its own, also late. A callback carries only a ticket, and finds
// with it the ear it is for or nobody; so no callback can meet what is gone. mailbox for ears; the
// rest is one thread's. Tests: tests/unit/source/nats_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/nats_refusals.h"
#include "source/nats_subject.h"

// Of libnats (nats/nats.h), which is included by the .cc files alone.
typedef struct __natsConnection natsConnection;
typedef struct __natsSubscription natsSubscription;
typedef struct __natsMsg natsMsg;

namespace livehub::source {

struct NatsOptions;  // source/nats.h

// Subjects of canaries begin so.
inline constexpr std::string_view kNatsCanaryBegin = "livehub.canary.";

struct NatsRaw {
  std::string_view subject;
  std::string_view payload;
  uint64_t sequence = 0;     // JetStream: place in the stream
  uint64_t pending = 0;      // JetStream: how many follow
  bool is_deletion = false;  // KV: the key is gone
};

// Who is called back, on libnats's threads. Must not block.
class NatsEar {
 public:
  virtual ~NatsEar() = default;
  virtual void on_message(const NatsRaw&) {}
  virtual void on_ack(uint64_t /*id*/, bool /*is_taken*/) {}   // JetStream has a message of ours
  virtual void on_closed() {}                                  // of a connection, by itself too
  virtual void on_trouble(std::string_view /*subject*/) {}     // messages of it may be missing
  virtual void on_canary_refused(std::string_view /*why*/) {}  // the server does not permit it
  virtual void on_refused(const NatsRefusal&) {}               // nor this
};

class NatsSubscription {
 public:
  NatsSubscription(natsSubscription* subscription, uint64_t ticket)
      : subscription_(subscription), ticket_(ticket) {}
  NatsSubscription(const NatsSubscription&) = delete;
  NatsSubscription& operator=(const NatsSubscription&) = delete;
  ~NatsSubscription();  // ends it; the ear hears nothing more but what is under way

 private:
  natsSubscription* subscription_;
  uint64_t ticket_;
};

struct NatsDialOptions {
  std::string name = "livehub";  // as the server's monitoring shows it
  std::string creds_file;
  std::string ca_file;  // of a tls:// server; empty: the system's
  int64_t dial_ms = 2000;
};

class NatsConnection {
 public:
  // Blocks for dial_ms at most, and for the resolving of the name. nullptr: `problem` is a
  // sentence without secrets.
  static std::unique_ptr<NatsConnection> dial(const NatsDialOptions& options,
                                              const NatsServer& server,
                                              std::shared_ptr<NatsEar> ear, std::string& problem);
  // What dial() needs, of the settings. Empty, or what is wrong with them, known without a
  // connection.
  [[nodiscard]] static std::string prepare(const NatsOptions& options, NatsDialOptions& dial,
                                           std::vector<NatsServer>& servers);
  ~NatsConnection();
  NatsConnection(const NatsConnection&) = delete;
  NatsConnection& operator=(const NatsConnection&) = delete;

  bool is_closed() const;
  // True: the server has answered, so it knows everything that was sent before.
  [[nodiscard]] bool round_trip(int64_t ms);
  // Sent, not yet acknowledged; `subject` may hold wildcards. nullptr: the connection is closed.
  [[nodiscard]] std::unique_ptr<NatsSubscription> subscribe(const std::string& subject,
                                                            std::shared_ptr<NatsEar> ear);
  [[nodiscard]] bool publish(const std::string& subject, std::string_view payload);
  natsConnection* raw() { return connection_; }

 private:
  NatsConnection(natsConnection* connection, uint64_t ticket)
      : connection_(connection), ticket_(ticket) {}

  natsConnection* connection_;
  uint64_t ticket_;
};

// Tickets, for the files that make subscriptions of other kinds. mailbox.
uint64_t issue_nats_ticket(std::shared_ptr<NatsEar> ear);
void revoke_nats_ticket(uint64_t ticket);
std::shared_ptr<NatsEar> nats_ear_of(void* closure);  // nullptr: it was revoked
// libnats's message handler; its closure is a ticket.
void hear_nats_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure);

}  // namespace livehub::source
