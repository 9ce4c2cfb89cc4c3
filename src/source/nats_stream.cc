#include "source/nats_stream.h"

#include <utility>

#include "source/nats_stream_feed.h"
#include "source/nats_stream_link.h"

namespace livehub::source {
namespace {

constexpr uint64_t kEpoch = 0x6a657473'7472656d;
constexpr int64_t kFirstSecond = 1'577'836'800;  // 2020
constexpr unsigned kSequenceBits = 33;

}  // namespace

SourcePosition nats_position(int64_t created_ns, uint64_t sequence) {
  const auto seconds = static_cast<uint64_t>(created_ns / 1'000'000'000 - kFirstSecond);
  return {kEpoch, (seconds << kSequenceBits) + sequence};
}

uint64_t nats_sequence(SourcePosition position) {
  return position.offset & ((uint64_t{1} << kSequenceBits) - 1);
}

NatsStreamSource::NatsStreamSource(NatsStreamOptions options)
    : options_(std::move(options)),
      feed_(std::make_unique<Feed>(options_, [this] { link_->read_again(); })),
      link_(std::make_unique<Link>(options_, *feed_)) {}

NatsStreamSource::~NatsStreamSource() { NatsStreamSource::stop(); }

std::string NatsStreamSource::start(Inlet& inlet) {
  std::string error = link_->start();
  if (error.empty()) feed_->start(inlet);
  return error;
}

void NatsStreamSource::stop() {
  link_->stop();
  feed_->stop();
}

std::vector<LinkState> NatsStreamSource::links() const {
  return {link_->state(), link_->permissions()};
}
void NatsStreamSource::want(std::string_view channel) {
  channel == kCanaryChannel ? link_->want_canary() : feed_->want(true);
}
void NatsStreamSource::unwant(std::string_view channel) {
  if (channel != kCanaryChannel) feed_->want(false);  // the canary's subscription costs nothing
}
void NatsStreamSource::send_canary(std::string_view payload) { link_->send_canary(payload); }
void NatsStreamSource::rebuild() { link_->rebuild(); }

void NatsStreamSource::push(std::string document, std::function<void(bool is_taken)> done) {
  link_->push(std::move(document), std::move(done));
}

void NatsStreamSource::fetch(std::string_view, SourcePosition after, SourcePosition until,
                             size_t bytes_max, uint64_t token) {
  link_->fetch(after, until, bytes_max, token);
}

}  // namespace livehub::source
