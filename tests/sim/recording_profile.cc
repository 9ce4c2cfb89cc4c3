#include "recording_profile.h"

#include "wire/json_gate.h"

namespace livehub::sim {
namespace {

class RecordingProfile final : public Profile {
 public:
  RecordingProfile(const ProfileContext& context, std::unique_ptr<Profile> inner, Oracle& oracle,
                   Broker* broker)
      : context_(context), inner_(std::move(inner)), oracle_(oracle), broker_(broker) {}

  Route route(const Request& request) override { return inner_->route(request); }
  void on_body(Exchange exchange, const Request& request, std::string_view body) override {
    std::string document;
    if (!broker_ || !wire::json_compact(body, document).ok)
      return inner_->on_body(exchange, request, body);
    // The engine's life may end before the answer: then the broker forgets us.
    broker_->push(document, [this, exchange](bool is_taken) {
      context_.post([this, exchange, is_taken]() mutable { answer(exchange, is_taken); });
    });
  }
  void on_published(Exchange exchange, PublishResult result, std::string_view position) override {
    if (result != PublishResult::kAccepted) return inner_->on_published(exchange, result, position);
    if (const auto parsed = hub::parse_position(position)) oracle_.on_sequenced("live", *parsed);
    // The same answer as the inner profile's, but that it tells which message it is about.
    Reply reply = ok();
    reply.headers.emplace_back("X-Position", std::string(position));
    exchange.reply(std::move(reply));
  }
  void on_open(Session session, const Request& request) override {
    inner_->on_open(session, request);
  }
  void on_subscribed(Session session, std::string_view channel,
                     std::string_view position) override {
    inner_->on_subscribed(session, channel, position);
  }
  void on_gap(Session session, Gap gap, std::string_view channel,
              std::string_view position) override {
    inner_->on_gap(session, gap, channel, position);
  }
  void on_text(Session session, std::string_view message) override {
    inner_->on_text(session, message);
  }
  void on_binary(Session session, std::string_view message) override {
    inner_->on_binary(session, message);
  }
  void on_close(Session session, uint16_t code, std::string_view reason) override {
    inner_->on_close(session, code, reason);
  }
  uint16_t drain_close_code() const override { return inner_->drain_close_code(); }
  Reply drain_reply() const override { return inner_->drain_reply(); }
  bool accepts_websockets_while_draining() const override {
    return inner_->accepts_websockets_while_draining();
  }
  int64_t tick_ms() const override { return inner_->tick_ms(); }
  void on_tick(int64_t now_ns) override { inner_->on_tick(now_ns); }

 private:
  static Reply ok() {
    Reply reply;
    reply.body = "{\"ok\":true}";
    reply.content_type = "application/json; charset=utf-8";
    return reply;
  }
  void answer(Exchange exchange, bool is_taken) {
    if (is_taken) return exchange.reply(ok());
    inner_->on_published(exchange, PublishResult::kBusy, {});
  }

  const ProfileContext context_;
  const std::unique_ptr<Profile> inner_;
  Oracle& oracle_;
  Broker* const broker_;
};

}  // namespace

ProfileFactory record(ProfileFactory inner, Oracle& oracle, Broker* broker) {
  return [inner = std::move(inner), &oracle,
          broker](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<RecordingProfile>(context, inner(context), oracle, broker);
  };
}

}  // namespace livehub::sim
