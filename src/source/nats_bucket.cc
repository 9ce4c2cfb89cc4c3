#include "source/nats_bucket.h"

#include <nats/nats.h>

#include <utility>

namespace livehub::source {
namespace {

constexpr int64_t kRequestMs = 2000;

}  // namespace

class NatsBucketWatch::Keys : public NatsEar {
 public:
  Keys(std::string prefix, std::function<void()> on_change)
      : prefix_(std::move(prefix)), on_change_(std::move(on_change)) {}

  void on_message(const NatsRaw& raw) override {
    if (!raw.subject.starts_with(prefix_)) return;
    const std::string_view key = raw.subject.substr(prefix_.size());
    {
      const std::lock_guard guard(mutex_);
      if (raw.is_deletion)
        keys_.erase(std::string(key));
      else
        keys_.emplace(key);
      if (raw.pending == 0) is_complete_ = true;
      if (!is_complete_) return;
    }
    on_change_();
  }
  // There was nothing to wait for.
  void set_empty() {
    {
      const std::lock_guard guard(mutex_);
      is_complete_ = true;
    }
    on_change_();
  }
  std::optional<std::vector<std::string>> list() {
    const std::lock_guard guard(mutex_);
    if (!is_complete_) return std::nullopt;
    return std::vector<std::string>(keys_.begin(), keys_.end());
  }

 private:
  const std::string prefix_;
  const std::function<void()> on_change_;
  std::mutex mutex_;
  std::set<std::string> keys_;
  bool is_complete_ = false;
};

NatsBucketWatch::NatsBucketWatch(jsCtx* context, std::shared_ptr<Keys> keys)
    : context_(context), keys_(std::move(keys)) {}

NatsBucketWatch::~NatsBucketWatch() {
  subscription_.reset();
  jsCtx_Destroy(context_);
}

std::optional<std::vector<std::string>> NatsBucketWatch::list(Keys& keys) { return keys.list(); }

bool NatsBucketWatch::open_bucket(NatsConnection& connection, const std::string& name,
                                  int64_t bytes_max) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = kRequestMs;
  status_ = natsConnection_JetStream(&context_, connection.raw(), &options);
  if (status_ != NATS_OK) return false;
  kvStore* store = nullptr;
  status_ = js_KeyValue(&store, context_, name.c_str());
  if (status_ == NATS_NOT_FOUND) {
    kvConfig config;
    kvConfig_Init(&config);
    config.Bucket = name.c_str();
    config.History = 1;
    config.MaxBytes = bytes_max;
    status_ = js_CreateKeyValue(&store, context_, &config);
  }
  kvStore_Destroy(store);
  return status_ == NATS_OK;
}

bool NatsBucketWatch::subscribe(const std::string& name) {
  const std::string stream = "KV_" + name;
  const std::string subject = "$KV." + name + ".>";
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = stream.c_str();
  options.Ordered = true;
  options.Config.DeliverPolicy = js_DeliverLastPerSubject;
  options.Config.HeadersOnly = true;
  const uint64_t ticket = issue_nats_ticket(keys_);
  natsSubscription* made = nullptr;
  jsErrCode unused = static_cast<jsErrCode>(0);
  status_ = js_Subscribe(&made, context_, subject.c_str(), hear_nats_message,
                         reinterpret_cast<void*>(ticket), nullptr, &options, &unused);
  if (status_ != NATS_OK) {
    revoke_nats_ticket(ticket);
    return false;
  }
  subscription_ = std::make_unique<NatsSubscription>(made, ticket);
  jsConsumerInfo* info = nullptr;
  status_ = natsSubscription_GetConsumerInfo(&info, made, nullptr, &unused);
  if (status_ != NATS_OK) return false;
  // With a first message there is a last one, and that one says so.
  const bool is_empty = info->NumPending == 0 && info->Delivered.Consumer == 0;
  jsConsumerInfo_Destroy(info);
  if (is_empty) keys_->set_empty();
  return true;
}

std::unique_ptr<NatsBucketWatch> NatsBucketWatch::start(NatsConnection& connection,
                                                        const std::string& name, int64_t bytes_max,
                                                        std::function<void()> on_change,
                                                        std::string& problem) {
  auto keys = std::make_shared<Keys>("$KV." + name + ".", std::move(on_change));
  std::unique_ptr<NatsBucketWatch> watch(new NatsBucketWatch(nullptr, std::move(keys)));
  if (watch->open_bucket(connection, name, bytes_max) && watch->subscribe(name)) return watch;
  problem = watch->status_ == NATS_NO_RESPONDERS
                ? "the server has no JetStream"
                : natsStatus_GetText(static_cast<natsStatus>(watch->status_));
  return nullptr;
}

}  // namespace livehub::source
