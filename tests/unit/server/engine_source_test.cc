// A source beside a whole engine: its thread feeds channels, a client over a real socket gets them.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>

#include "livehub/engine.h"
#include "worker_source.h"

namespace livehub {
namespace {

class TestSource : public WorkerSource {
 public:
  std::string start(Inlet& inlet) override {
    return refusal.empty() ? WorkerSource::start(inlet) : refusal;
  }
  std::vector<LinkState> links() const override {
    LinkState link;
    link.name = "test broker";
    link.is_up = is_up;
    link.problem = "it is \"away\"";
    return {link};
  }
  bool feeds(std::string_view channel) const override { return channel.starts_with("fed"); }
  void want(std::string_view channel) override { note("want " + std::string(channel)); }
  void unwant(std::string_view channel) override { note("unwant " + std::string(channel)); }
  int64_t wait_ms() const override { return 60'000; }
  void fetch(std::string_view channel, SourcePosition after, SourcePosition, size_t,
             uint64_t token) override {
    Backlog backlog;
    if (channel == "fedbad")
      backlog.entries.push_back({"two\nlines", "e", {after.epoch, after.offset + 1}});
    else
      backlog.entries.push_back(
          {"old of " + std::string(channel), "e", {after.epoch, after.offset + 1}});
    say([token, backlog](Inlet& inlet) { inlet.deliver(token, backlog); });
  }

  void await(const std::string& noted) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10), [&] {
      return std::find(noted_.begin(), noted_.end(), noted) != noted_.end();
    })) << noted;
  }

  std::string refusal;
  std::atomic<bool> is_up{true};

 private:
  void note(std::string text) {
    const std::lock_guard guard(mutex_);
    noted_.push_back(std::move(text));
    changed_.notify_all();
  }
  std::vector<std::string> noted_;  // under mutex_
};

// GET /<channel>: an event stream; GET /later: an answer that comes from another thread.
class TestProfile : public Profile {
 public:
  explicit TestProfile(const ProfileContext& context) : context_(context) {}
  Route route(const Request& request) override {
    if (request.path() == "/later") return Route::read_body(10, {.status = 413});
    Stream stream;
    return Route::sse(stream);
  }
  void on_body(Exchange exchange, const Request& request, std::string_view) override {
    exchange.wait_ms(request.query_value("wait").has_value() ? 1 : 60'000);
    if (request.query_value("metrics"))
      return context_.metrics_text(
          [exchange](const std::string& text) mutable { exchange.reply({.body = text}); });
    if (request.query_value("wait")) return;
    workers_.emplace_back([post = context_.post, exchange] {
      post([exchange]() mutable { exchange.reply({.body = "from afar"}); });
    });
  }
  void on_open(Session session, const Request& request) override {
    const std::string channel(request.path().substr(1));
    session.set_tag(42);
    if (channel == "fedwatched") {
      session.open_now();
      session.send_comment("open");
      return session.watch(channel);
    }
    if (channel == "curious") session.subscribe({.channel = kCanaryChannel});
    Subscribe options;
    options.channel = channel;
    options.resume_after = request.header("last-event-id");
    if (request.query_value("plain")) options.format = Format::kNoId;
    session.subscribe(options);
  }
  void on_watching(Session session, std::string_view channel, std::string_view position) override {
    EXPECT_EQ(session.tag(), 42U);
    session.send_comment("watching " + std::string(channel));
    const std::string from(position), name(channel);
    context_.post([session, from, name]() mutable {
      session.subscribe({.channel = name, .resume_after = from});
    });
  }
  void on_subscribed(Session session, std::string_view channel, std::string_view) override {
    session.send_comment("subscribed " + std::string(channel));
  }
  void on_gap(Session session, Gap gap, std::string_view, std::string_view position) override {
    session.send_event(position, "gap", gap == Gap::kSource ? "source" : "other");
  }

  ~TestProfile() override {
    for (std::thread& worker : workers_) worker.join();
  }

 private:
  const ProfileContext context_;
  std::vector<std::thread> workers_;
};

class Client {
 public:
  Client(uint16_t port, const std::string& request) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const std::string text = "GET " + request + "\r\nHost: x\r\n\r\n";
    EXPECT_EQ(::send(fd_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(fd_); }

  void send(const std::string& text) {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  // Reads until that has come; returns what came before it.
  std::string expect(const std::string& wanted) {
    size_t place = 0;
    while ((place = got_.find(wanted)) == std::string::npos) {
      char bytes[4096];
      ssize_t size = 0;
      do size = ::recv(fd_, bytes, sizeof(bytes), 0);
      while (size < 0 && errno == EINTR);
      EXPECT_GT(size, 0) << "waited for " << wanted << ", got " << got_;
      if (size <= 0) return got_;
      got_.append(bytes, static_cast<size_t>(size));
    }
    const std::string before = got_.substr(0, place);
    got_.erase(0, place + wanted.size());
    return before;
  }

 private:
  const int fd_;
  std::string got_;
};

constexpr SourcePosition at(uint64_t ms) { return SourcePosition::of_time(ms, 0); }

void publish(Inlet& inlet, std::string_view channel, std::string_view payload,
             std::optional<SourcePosition> position = {}) {
  EXPECT_EQ(inlet.publish({channel, payload, "news", position}), Inlet::Result::kTaken);
}

class EngineSource : public ::testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override { ASSERT_EQ(engine.start(), ""); }
  void TearDown() override {
    engine.stop();
    engine.stop();
    engine.join();
  }
  static EngineOptions options() {
    EngineOptions options;
    options.port = 0;
    options.shards = GetParam();
    return options;
  }
  std::shared_ptr<TestSource> source = std::make_shared<TestSource>();
  Engine engine{
      options(),
      [](const ProfileContext& context) { return std::make_unique<TestProfile>(context); },
      {source}};
};

TEST_P(EngineSource, HeadsWaitForTheBrokerAndMessagesHaveItsPositionsAndNames) {
  Client client(engine.port(), "/fed1 HTTP/1.1");
  Client other(engine.port(), "/fed1?plain HTTP/1.1");
  source->await("want fed1");
  source->say([](Inlet& inlet) { inlet.confirm("fed1", at(1000)); });
  client.expect(": subscribed fed1");
  other.expect(": subscribed fed1\n\n\r\n");
  source->say([](Inlet& inlet) {
    publish(inlet, "fed1", "hello", at(1001));
    publish(inlet, "fed1", "again", at(1001));
    publish(inlet, "fed1", "more", at(1002));
    EXPECT_EQ(inlet.publish({"fed1", "two\nlines"}), Inlet::Result::kRefused);
  });
  client.expect("id: 1001-0\nevent: news\ndata: hello\n\n");
  client.expect("id: 1002-0\nevent: news\ndata: more\n\n");
  other.expect("event: news\ndata: hello\n\n");
}

TEST_P(EngineSource, WhoResumesGetsFirstWhatTheBrokerKeeps) {
  Client first(engine.port(), "/fed2 HTTP/1.1");
  source->await("want fed2");
  source->say([](Inlet& inlet) {
    inlet.confirm("fed2", at(1000));
    publish(inlet, "fed2", "new", at(1001));
  });
  first.expect("data: new");
  Client second(engine.port(), "/fed2 HTTP/1.1\r\nLast-Event-ID: 500-0");
  second.expect("id: 500-1\nevent: e\ndata: old of fed2\n\n");
  source->say([](Inlet& inlet) { publish(inlet, "fed2", "newest", at(1002)); });
  first.expect("data: newest");
}

// What stands behind it, up to what is remembered here, is not asked for.
TEST_P(EngineSource, AWindowOfWhichNothingPassesTheGateIsAGap) {
  Client first(engine.port(), "/fedbad HTTP/1.1");
  source->await("want fedbad");
  source->say([](Inlet& inlet) {
    inlet.confirm("fedbad", at(1000));
    publish(inlet, "fedbad", "new", at(1001));
  });
  first.expect("data: new");
  Client second(engine.port(), "/fedbad HTTP/1.1\r\nLast-Event-ID: 500-0");
  EXPECT_NE(second.expect("data: new").find("event: gap"), std::string::npos);
}

TEST_P(EngineSource, AGapIsToldAndTheStreamGoesOn) {
  Client client(engine.port(), "/fed3 HTTP/1.1");
  source->await("want fed3");
  source->say([](Inlet& inlet) { inlet.confirm("fed3"); });
  client.expect(": subscribed fed3");
  source->say([](Inlet& inlet) {
    inlet.tell_gap("fed3");
    publish(inlet, "fed3", "after");
  });
  client.expect("event: gap\ndata: source");
  client.expect("data: after");
}

TEST_P(EngineSource, WatchingHoldsAChannelUntilItIsSubscribed) {
  Client client(engine.port(), "/fedwatched HTTP/1.1");
  client.expect(": open");
  source->await("want fedwatched");
  source->say([](Inlet& inlet) {
    inlet.confirm("fedwatched");
    for (int i = 0; i < 50; ++i) publish(inlet, "fedwatched", "m" + std::to_string(i));
  });
  client.expect(": watching fedwatched");
  client.expect(": subscribed fedwatched");
  for (int i = 0; i < 50; ++i) client.expect("data: m" + std::to_string(i) + "\n");
}

TEST_P(EngineSource, NobodySubscribesToAReservedName) {
  Client client(engine.port(), "/curious HTTP/1.1");
  EXPECT_EQ(client.expect(": subscribed curious").find("canary"), std::string::npos);
}

TEST_P(EngineSource, TheSourceIsToldWhenTheLastOneLeaves) {
  {
    Client client(engine.port(), "/fed4 HTTP/1.1");
    source->await("want fed4");
    source->say([](Inlet& inlet) { inlet.refuse("fed4"); });
    client.expect(": subscribed fed4");
  }
  source->await("unwant fed4");
}

// More than is kept of what comes behind a request, so that reading from it has stopped.
TEST_P(EngineSource, WhoSentTooMuchWhileItsStreamOpenedIsSeenToLeave) {
  {
    Client client(engine.port(), "/fed5 HTTP/1.1");
    source->await("want fed5");
    client.send(std::string(256 << 10, 'x'));
    Client(engine.port(), "/later HTTP/1.1").expect("from afar");
    source->say([](Inlet& inlet) { inlet.confirm("fed5"); });
    client.expect(": subscribed fed5");
  }
  source->await("unwant fed5");
}

TEST_P(EngineSource, AnswersMayComeLaterOrNever) {
  Client(engine.port(), "/later HTTP/1.1").expect("from afar");
  Client(engine.port(), "/later?metrics HTTP/1.1")
      .expect("livehub_link_up{link=\"test broker\"} 1");
  Client(engine.port(), "/later?wait HTTP/1.1").expect("HTTP/1.1 504");
}

TEST_P(EngineSource, ReadinessNamesALinkThatIsDown) {
  Client(engine.port(), "/_livehub/ready HTTP/1.1").expect("HTTP/1.1 200");
  source->is_up = false;
  Client client(engine.port(), "/_livehub/ready HTTP/1.1");
  client.expect("HTTP/1.1 503");
  client.expect("test broker: it is \\\"away\\\"");
  Client(engine.port(), "/_livehub/ready?local=1 HTTP/1.1").expect("HTTP/1.1 200");
}

INSTANTIATE_TEST_SUITE_P(Shards, EngineSource, ::testing::Values(1, 3));

TEST(EngineWithSource, ASourceThatCannotStartStopsTheStart) {
  const auto source = std::make_shared<TestSource>();
  source->refusal = "BROKER_URL is wrong.";
  Engine engine(
      {.port = 0, .shards = 2},
      [](const ProfileContext& context) { return std::make_unique<TestProfile>(context); },
      {source});
  EXPECT_EQ(engine.start(), "BROKER_URL is wrong.");
}

}  // namespace
}  // namespace livehub
