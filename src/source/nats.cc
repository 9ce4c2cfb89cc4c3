#include "source/nats.h"

#include <atomic>
#include <utility>

#include "base/check.h"
#include "source/nats_feed.h"
#include "source/nats_link.h"
#include "source/nats_queue.h"
#include "source/nats_subject.h"
#include "source/random_name.h"

namespace livehub::source {

namespace {

// As the profile said, and the canary beside it.
NatsRule with_canary(NatsRule rule, const std::string& canary) {
  NatsRule both;
  both.feeds = rule.feeds;
  both.subject_of = [subject_of = std::move(rule.subject_of), canary](std::string_view channel) {
    return channel == kCanaryChannel ? canary : subject_of(channel);
  };
  both.channel_of = [channel_of = std::move(rule.channel_of), canary](std::string_view subject) {
    return subject == canary ? std::string(kCanaryChannel) : channel_of(subject);
  };
  both.decode = [decode = std::move(rule.decode), canary](const NatsMessage& message,
                                                          NatsDecoded& out) {
    if (message.subject != canary) return decode(message, out);
    out.payload = message.payload;
    return true;
  };
  return both;
}

}  // namespace

struct NatsSource::Parts {
  Parts(const NatsOptions& options, const NatsRule& rule)
      : queue(std::make_shared<NatsQueue>(options.queue_messages_max, options.queue_bytes_max)),
        feed(rule, queue),
        link(options, rule, queue) {}
  const std::shared_ptr<NatsQueue> queue;
  NatsFeed feed;
  NatsLink link;
  std::atomic<uint64_t> next_id{1};  // any thread takes one
};

NatsSource::NatsSource(NatsOptions options, NatsRule rule)
    : canary_subject_(random_name(kNatsCanaryBegin)),
      rule_(with_canary(std::move(rule), canary_subject_)),
      options_(std::move(options)),
      parts_(std::make_unique<Parts>(options_, rule_)) {}

NatsSource::~NatsSource() { NatsSource::stop(); }

std::string NatsSource::start(Inlet& inlet) {
  std::string error = parts_->link.start();
  if (error.empty()) parts_->feed.start(inlet);
  return error;
}

void NatsSource::stop() {
  parts_->link.stop();
  parts_->feed.stop();
}

std::vector<LinkState> NatsSource::links() const {
  return {parts_->link.state(), parts_->link.permissions()};
}

void NatsSource::want(std::string_view channel) { parts_->link.want(channel, true); }
void NatsSource::unwant(std::string_view channel) { parts_->link.want(channel, false); }

void NatsSource::send_canary(std::string_view payload) {
  (void)parts_->link.publish(canary_subject_, payload);
}
void NatsSource::rebuild() { parts_->link.rebuild(); }

uint64_t NatsSource::listen(NatsListen listen) {
  auto listener = std::make_shared<NatsListener>();
  listener->id = parts_->next_id++;
  listener->listen = std::move(listen);
  const uint64_t id = listener->id;
  parts_->link.listen(std::move(listener));
  return id;
}

uint64_t NatsSource::listen(NatsBucket bucket) {
  auto listener = std::make_shared<NatsListener>();
  listener->id = parts_->next_id++;
  listener->listen.hold_ms = bucket.hold_ms;
  listener->bucket = std::move(bucket);
  const uint64_t id = listener->id;
  parts_->link.listen(std::move(listener));
  return id;
}

void NatsSource::unlisten(uint64_t id) { parts_->link.unlisten(id); }

bool NatsSource::publish(std::string_view subject, std::string_view payload) {
  return is_nats_subject(subject) && parts_->link.publish(subject, payload);
}

bool NatsSource::is_up() const { return parts_->link.is_up(); }

}  // namespace livehub::source
