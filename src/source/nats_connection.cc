#include "source/nats_connection.h"

#include <nats/nats.h>
#include <unistd.h>

#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "source/nats.h"

namespace livehub::source {
namespace {

constexpr int64_t kWriteMs = 2000;
constexpr const char* kSystemCertificates = "/etc/ssl/certs/ca-certificates.crt";

// Never destroyed: libnats's threads may call until the process ends.
struct Tickets {
  std::mutex mutex;
  std::unordered_map<uint64_t, std::shared_ptr<NatsEar>> ears;
  uint64_t next = 1;
};

Tickets& tickets() {
  // tidy: new-delete: see above
  static Tickets& all = *new Tickets();
  return all;
}

void* closure_of(uint64_t ticket) { return reinterpret_cast<void*>(ticket); }

void on_closed(natsConnection*, void* closure) {
  if (const auto ear = nats_ear_of(closure)) ear->on_closed();
}

// What the server said. Of this very error libnats has it for this thread; the connection's own is
// that of the newest one.
std::string last_words(natsConnection* connection) {
  natsStatus status = NATS_OK;
  const char* text = nats_GetLastError(&status);
  if (status != NATS_NOT_PERMITTED || !text) (void)natsConnection_GetLastError(connection, &text);
  return text ? text : "";
}

void on_error(natsConnection* connection, natsSubscription* subscription, natsStatus status,
              void* closure) {
  const auto ear = nats_ear_of(closure);
  if (!ear) return;
  if (status == NATS_NOT_PERMITTED) {
    const std::string why = last_words(connection);
    if (why.find(kNatsCanaryBegin) != std::string::npos) return ear->on_canary_refused(why);
    if (const auto refusal = parse_nats_refusal(why)) return ear->on_refused(*refusal);
    base::log_error("nats: the server does not permit a subscription or a publish of ours");
  }
  const char* subject = subscription ? natsSubscription_GetSubject(subscription) : nullptr;
  if (subject) ear->on_trouble(subject);
}

// What a status means to who runs the hub.
std::string sentence(natsStatus status) {
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return "the server refuses our credentials";
    case NATS_NO_SERVER:
      return "no server can be reached there";
    case NATS_TIMEOUT:
      return "the server does not answer";
    case NATS_SSL_ERROR:
      return "TLS failed: the server's certificate is not trusted, or it speaks none";
    case NATS_SECURE_CONNECTION_WANTED:
      return "tls:// was asked for, and the server offers no TLS";
    case NATS_SECURE_CONNECTION_REQUIRED:
      return "the server demands TLS: use tls://";
    default:
      return natsStatus_GetText(status);
  }
}

struct OptionsDeleter {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};
using OptionsPtr = std::unique_ptr<natsOptions, OptionsDeleter>;

natsStatus set_tls(natsOptions* options, const NatsDialOptions& ours, const NatsServer& server) {
  natsStatus status = natsOptions_SetSecure(options, true);
  const char* file = ours.ca_file.empty() ? kSystemCertificates : ours.ca_file.c_str();
  if (status == NATS_OK && ::access(file, R_OK) == 0)
    status = natsOptions_LoadCATrustedCertificates(options, file);
  if (status == NATS_OK) status = natsOptions_SetExpectedHostname(options, server.host.c_str());
  return status;
}

natsStatus fill(natsOptions* options, const NatsDialOptions& ours, const NatsServer& server) {
  natsStatus status = natsOptions_SetURL(options, server.url.c_str());
  if (status == NATS_OK) status = natsOptions_SetName(options, ours.name.c_str());
  if (status == NATS_OK) status = natsOptions_SetTimeout(options, ours.dial_ms);
  if (status == NATS_OK) status = natsOptions_SetAllowReconnect(options, false);
  if (status == NATS_OK) status = natsOptions_SetIgnoreDiscoveredServers(options, true);
  // One thread for all subscriptions, not one for each.
  if (status == NATS_OK) status = natsOptions_UseGlobalMessageDelivery(options, true);
  if (status == NATS_OK) status = natsOptions_SetSendAsap(options, true);
  if (status == NATS_OK) status = natsOptions_SetWriteDeadline(options, kWriteMs);
  if (status == NATS_OK && !ours.creds_file.empty())
    status = natsOptions_SetUserCredentialsFromFiles(options, ours.creds_file.c_str(), nullptr);
  if (status == NATS_OK && server.is_tls) status = set_tls(options, ours, server);
  return status;
}

OptionsPtr make_options(const NatsDialOptions& ours, const NatsServer& server, natsStatus& status) {
  natsOptions* options = nullptr;
  status = natsOptions_Create(&options);
  OptionsPtr owned(options);
  if (status == NATS_OK) status = fill(options, ours, server);
  return owned;
}

std::string check_dial(const NatsDialOptions& options, const NatsServer& server) {
  if (!options.creds_file.empty() && ::access(options.creds_file.c_str(), R_OK) != 0)
    return "the credentials file " + options.creds_file + " cannot be read.";
  if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0)
    return "the certificates file " + options.ca_file + " cannot be read.";
  natsStatus status = NATS_OK;
  const OptionsPtr made = make_options(options, server, status);
  if (status == NATS_OK) return {};
  return "the options for " + server.shown() + " are not usable: " + sentence(status) + ".";
}

}  // namespace

std::shared_ptr<NatsEar> nats_ear_of(void* closure) {
  Tickets& all = tickets();
  const std::lock_guard guard(all.mutex);
  const auto found = all.ears.find(reinterpret_cast<uintptr_t>(closure));
  return found == all.ears.end() ? nullptr : found->second;
}

uint64_t issue_nats_ticket(std::shared_ptr<NatsEar> ear) {
  Tickets& all = tickets();
  const std::lock_guard guard(all.mutex);
  all.ears.emplace(all.next, std::move(ear));
  return all.next++;
}

void revoke_nats_ticket(uint64_t ticket) {
  Tickets& all = tickets();
  std::shared_ptr<NatsEar> last;  // may be its end, and that not under the lock
  const std::lock_guard guard(all.mutex);
  if (const auto found = all.ears.find(ticket); found != all.ears.end()) {
    last = std::move(found->second);
    all.ears.erase(found);
  }
}

void hear_nats_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  if (const auto ear = nats_ear_of(closure)) {
    NatsRaw raw;
    raw.subject = natsMsg_GetSubject(message);
    raw.payload = {natsMsg_GetData(message), static_cast<size_t>(natsMsg_GetDataLength(message))};
    jsMsgMetaData* meta = nullptr;
    // JetStream's reply subject holds its place; others have none, or one of their own.
    if (natsMsg_GetReply(message) && natsMsg_GetMetaData(&meta, message) == NATS_OK) {
      raw.sequence = meta->Sequence.Stream;
      raw.pending = meta->NumPending;
      jsMsgMetaData_Destroy(meta);
    }
    const char* operation = nullptr;
    raw.is_deletion = natsMsgHeader_Get(message, "KV-Operation", &operation) == NATS_OK;
    ear->on_message(raw);
  }
  natsMsg_Destroy(message);
}

NatsSubscription::~NatsSubscription() {
  revoke_nats_ticket(ticket_);
  natsSubscription_Destroy(subscription_);
}

std::string NatsConnection::prepare(const NatsOptions& options, NatsDialOptions& dial,
                                    std::vector<NatsServer>& servers) {
  std::string error;
  servers = parse_nats_servers(options.servers, error);
  dial = {.name = options.name,
          .creds_file = options.creds_file,
          .ca_file = options.ca_file,
          .dial_ms = options.dial_ms};
  for (const NatsServer& server : servers)
    if (error.empty()) error = check_dial(dial, server);
  return error.empty() ? error : "NATS: " + error;
}

std::unique_ptr<NatsConnection> NatsConnection::dial(const NatsDialOptions& options,
                                                     const NatsServer& server,
                                                     std::shared_ptr<NatsEar> ear,
                                                     std::string& problem) {
  const uint64_t ticket = issue_nats_ticket(std::move(ear));
  natsStatus status = NATS_OK;
  const OptionsPtr made = make_options(options, server, status);
  if (status == NATS_OK)
    status = natsOptions_SetClosedCB(made.get(), on_closed, closure_of(ticket));
  if (status == NATS_OK)
    status = natsOptions_SetErrorHandler(made.get(), on_error, closure_of(ticket));
  natsConnection* connection = nullptr;
  if (status == NATS_OK) status = natsConnection_Connect(&connection, made.get());
  if (status == NATS_OK)
    return std::unique_ptr<NatsConnection>(new NatsConnection(connection, ticket));
  revoke_nats_ticket(ticket);
  problem = server.shown() + ": " + sentence(status);
  return nullptr;
}

NatsConnection::~NatsConnection() {
  revoke_nats_ticket(ticket_);
  natsConnection_Destroy(connection_);
}

bool NatsConnection::is_closed() const { return natsConnection_IsClosed(connection_); }

bool NatsConnection::round_trip(int64_t ms) {
  return natsConnection_FlushTimeout(connection_, ms) == NATS_OK;
}

std::unique_ptr<NatsSubscription> NatsConnection::subscribe(const std::string& subject,
                                                            std::shared_ptr<NatsEar> ear) {
  const uint64_t ticket = issue_nats_ticket(std::move(ear));
  natsSubscription* made = nullptr;
  if (natsConnection_Subscribe(&made, connection_, subject.c_str(), hear_nats_message,
                               closure_of(ticket)) == NATS_OK)
    return std::make_unique<NatsSubscription>(made, ticket);
  revoke_nats_ticket(ticket);
  return nullptr;
}

bool NatsConnection::publish(const std::string& subject, std::string_view payload) {
  return natsConnection_Publish(connection_, subject.c_str(), payload.data(),
                                static_cast<int>(payload.size())) == NATS_OK;
}

}  // namespace livehub::source
