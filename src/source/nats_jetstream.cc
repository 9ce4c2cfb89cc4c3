#include "source/nats_jetstream.h"

#include <nats/nats.h>

#include <charconv>

namespace livehub::source {
namespace {

constexpr int64_t kRequestMs = 2000;
// libnats takes a stream for gone after about four of them: within the 15 s in which readiness must
// say so, where the server lives and its JetStream does not.
constexpr int64_t kHeartbeatNs = 2'000'000'000;
constexpr const char* kIdHeader = "Livehub-Push";
constexpr jsErrCode kNoError = static_cast<jsErrCode>(0);

// libnats's handler of acknowledgements; the message is ours to end.
void hear_ack(jsCtx*, natsMsg* message, jsPubAck* ack, jsPubAckErr*, void* closure) {
  const char* text = nullptr;
  uint64_t id = 0;
  if (natsMsgHeader_Get(message, kIdHeader, &text) == NATS_OK && text)
    std::from_chars(text, text + std::string_view(text).size(), id);
  if (const auto ear = nats_ear_of(closure)) ear->on_ack(id, ack != nullptr);
  natsMsg_Destroy(message);
}

}  // namespace

std::unique_ptr<NatsJetStream> NatsJetStream::open(NatsConnection& connection,
                                                   std::shared_ptr<NatsEar> ear) {
  const uint64_t ticket = issue_nats_ticket(std::move(ear));
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = kRequestMs;
  options.PublishAsync.AckHandler = hear_ack;
  options.PublishAsync.AckHandlerClosure = reinterpret_cast<void*>(ticket);
  jsCtx* context = nullptr;
  if (natsConnection_JetStream(&context, connection.raw(), &options) == NATS_OK)
    return std::unique_ptr<NatsJetStream>(new NatsJetStream(context, ticket));
  revoke_nats_ticket(ticket);
  return nullptr;
}

NatsJetStream::~NatsJetStream() {
  revoke_nats_ticket(ticket_);
  jsCtx_Destroy(context_);
}

std::optional<NatsJetStream::State> NatsJetStream::state(const std::string& stream,
                                                         const std::string& subject,
                                                         int64_t messages_max,
                                                         std::string& problem) {
  jsStreamInfo* info = nullptr;
  jsErrCode code = kNoError;
  natsStatus status = js_GetStreamInfo(&info, context_, stream.c_str(), nullptr, &code);
  if (status == NATS_NOT_FOUND) {
    const char* subjects[] = {subject.c_str()};
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = stream.c_str();
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxMsgs = messages_max;
    status = js_AddStream(&info, context_, &config, nullptr, &code);
    // Another machine may have been quicker.
    if (status != NATS_OK)
      status = js_GetStreamInfo(&info, context_, stream.c_str(), nullptr, &code);
  }
  if (status != NATS_OK) {
    problem = status == NATS_NO_RESPONDERS
                  ? "the server has no JetStream"
                  : std::string("the stream cannot be used: ") + natsStatus_GetText(status);
    return std::nullopt;
  }
  const State found{info->Created, info->State.FirstSeq, info->State.LastSeq};
  jsStreamInfo_Destroy(info);
  return found;
}

std::unique_ptr<NatsSubscription> NatsJetStream::read(const std::string& stream,
                                                      const std::string& subject, uint64_t sequence,
                                                      std::shared_ptr<NatsEar> ear) {
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = stream.c_str();
  options.Ordered = true;
  options.Config.DeliverPolicy = js_DeliverByStartSequence;
  options.Config.OptStartSeq = sequence;
  options.Config.Heartbeat = kHeartbeatNs;
  const uint64_t ticket = issue_nats_ticket(std::move(ear));
  natsSubscription* made = nullptr;
  jsErrCode code = kNoError;
  if (js_Subscribe(&made, context_, subject.c_str(), hear_nats_message,
                   reinterpret_cast<void*>(ticket), nullptr, &options, &code) == NATS_OK)
    return std::make_unique<NatsSubscription>(made, ticket);
  revoke_nats_ticket(ticket);
  return nullptr;
}

bool NatsJetStream::publish(const std::string& subject, std::string_view payload, uint64_t id) {
  natsMsg* message = nullptr;
  if (natsMsg_Create(&message, subject.c_str(), nullptr, payload.data(),
                     static_cast<int>(payload.size())) != NATS_OK)
    return false;
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MaxWait = kRequestMs;
  bool is_sent = natsMsgHeader_Set(message, kIdHeader, std::to_string(id).c_str()) == NATS_OK &&
                 js_PublishMsgAsync(context_, &message, &options) == NATS_OK;
  natsMsg_Destroy(message);  // nullptr, where libnats has taken it
  return is_sent;
}

NatsJetStream::Found NatsJetStream::get(const std::string& stream, uint64_t sequence,
                                        std::string& payload) {
  natsMsg* message = nullptr;
  jsErrCode code = kNoError;
  const natsStatus status = js_GetMsg(&message, context_, stream.c_str(), sequence, nullptr, &code);
  if (status == NATS_NOT_FOUND) return Found::kNo;
  if (status != NATS_OK) return Found::kFailed;
  payload.assign(natsMsg_GetData(message), static_cast<size_t>(natsMsg_GetDataLength(message)));
  natsMsg_Destroy(message);
  return Found::kYes;
}

}  // namespace livehub::source
