// A link's life against a real redis-server, and against peers that are none.
#include "redis_test_util.h"

namespace livehub::source {
namespace {

using namespace redis_test;

TEST(RedisLink, StartsWithoutAServerAndFindsItLater) {
  auto server = std::make_unique<RedisServer>();
  server->kill();
  TestSource hub(quick_options(server->url()), pubsub_rule());
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("refuse room:1"); }));
  ASSERT_TRUE(eventually([&] {
    return hub.problem().find("cannot connect: Connection refused") != std::string::npos;
  }));
  EXPECT_NE(hub.run({"PING"}).find("error: redis: no connection"), std::string::npos);
  EXPECT_EQ(hub.source->ping_ms(), -1);
  server->start();
  ASSERT_TRUE(hub.becomes_up());
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  EXPECT_EQ(hub.run({"PING"}), "PONG");
  ASSERT_TRUE(eventually([&] { return hub.source->ping_ms() >= 0; }));
  EXPECT_EQ(hub.source->links()[0].reconnects, 0u);
}

TEST(RedisLink, FindsAFrozenServerByItsSilence) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  ASSERT_TRUE(hub.becomes_up());
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  server.freeze();
  ASSERT_TRUE(eventually([&] {
    for (const LinkState& link : hub.source->links())
      if (link.is_up) return false;
    return true;
  }));
  EXPECT_FALSE(hub.problem().empty());
  EXPECT_NE(hub.run({"PING"}).find("error: redis: "), std::string::npos);
  server.thaw();
  ASSERT_TRUE(hub.becomes_up());
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("gap room:1"); }));
  EXPECT_EQ(hub.run({"PUBLISH", "chat:1", "back"}), "1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1 back"); }));
}

TEST(RedisLink, AnswersACommandOfAFrozenServerInTime) {
  RedisServer server;
  auto options = quick_options(server.url());
  options.command_ms = 150;
  options.silence_ms = 60'000;
  TestSource hub(options, {});
  ASSERT_TRUE(hub.becomes_up());
  server.freeze();
  EXPECT_EQ(hub.run({"SET", "a", "1"}), "error: redis: no answer in time");
  server.thaw();
  // The late answer is taken for no other's.
  ASSERT_TRUE(eventually([&] { return hub.run({"GET", "a"}) == "1"; }));
  EXPECT_EQ(hub.run({"ECHO", "b"}), "b");
}

TEST(RedisLink, IsUpOnlyWithTheRightPasswordAndDatabase) {
  RedisServer server({"--requirepass", "p@ss/word", "--databases", "4"});
  const std::string at = "127.0.0.1:" + std::to_string(server.port());
  TestSource right(quick_options("redis://:p%40ss%2Fword@" + at + "/3"), {});
  TestSource user(quick_options("redis://default:p%40ss%2Fword@" + at), {});
  TestSource wrong(quick_options("redis://default:secret-nope@" + at), {});
  TestSource none(quick_options("redis://" + at), {});
  TestSource database(quick_options("redis://:p%40ss%2Fword@" + at + "/7"), {});
  ASSERT_TRUE(right.becomes_up() && user.becomes_up());
  EXPECT_EQ(right.run({"SET", "k", "v"}), "OK");
  EXPECT_EQ(right.run({"GET", "k"}), "v");
  EXPECT_EQ(user.run({"GET", "k"}), "nil");
  const auto says = [](const TestSource& source, const char* what) {
    return eventually([&] { return source.problem().find(what) != std::string::npos; });
  };
  EXPECT_TRUE(says(wrong, "WRONGPASS"));
  EXPECT_EQ(wrong.problem().find("secret"), std::string::npos);
  EXPECT_TRUE(says(none, "NOAUTH"));
  EXPECT_TRUE(says(database, "database"));
}

// A peer that says one thing to whoever comes, and counts them.
class Babbler {
 public:
  explicit Babbler(std::string text) : text_(std::move(text)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::listen(fd_, 64);
    thread_ = std::thread([this] { run(); });
  }
  ~Babbler() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    for (const int fd : taken_) ::close(fd);
    ::close(fd_);
  }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  size_t count() const { return count_.load(); }

 private:
  void run() {
    for (;;) {
      const int fd = ::accept(fd_, nullptr, nullptr);
      if (fd < 0) return;
      taken_.push_back(fd);
      (void)!::send(fd, text_.data(), text_.size(), MSG_NOSIGNAL);
      ++count_;
    }
  }
  const std::string text_;
  int fd_ = -1;
  uint16_t port_ = 0;
  std::vector<int> taken_;
  std::atomic<size_t> count_{0};
  std::thread thread_;
};

TEST(RedisLink, GivesUpAPeerThatIsNotRedis) {
  for (const std::string text :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "*2147483647\r\n", "+OK\r\n:1\r\n+HELLO\r\n",
        "\x15\x03\x01\x00\x02\x02\x16", "+OK\r\n:1\r\n-LOADING Redis is loading\r\n"}) {
    Babbler peer(text);
    TestSource hub(quick_options(peer.url()), pubsub_rule());
    ASSERT_TRUE(eventually([&] { return peer.count() >= 4; })) << text;
    EXPECT_FALSE(hub.is_up());
    EXPECT_NE(hub.problem(), "");
  }
}

TEST(RedisLink, SurvivesGarbageAfterAGoodGreeting) {
  for (const std::string more :
       {"!garbage\r\n", "+PONG\r\n+PONG\r\n+PONG\r\n", "*3\r\n$7\r\nmess"}) {
    Babbler peer("+OK\r\n:1\r\n+PONG\r\n" + more);
    TestSource hub(quick_options(peer.url()), pubsub_rule());
    hub.source->want("room:1");
    ASSERT_TRUE(eventually([&] { return peer.count() >= 6; })) << more;
    EXPECT_EQ(hub.inlet.count("publish"), 0u);
  }
}

TEST(RedisLink, GivesUpAPeerThatSaysNothing) {
  Babbler peer("");
  auto options = quick_options(peer.url());
  options.connect_ms = 100;
  TestSource hub(options, {});
  ASSERT_TRUE(eventually([&] { return peer.count() >= 3; }));
  EXPECT_NE(hub.problem().find("does not answer"), std::string::npos);
}

TEST(RedisLink, SaysThatANameCannotBeResolved) {
  TestSource hub(quick_options("redis://nobody.invalid:6379"), {});
  ASSERT_TRUE(
      eventually([&] { return hub.problem().find("cannot be resolved") != std::string::npos; }));
}

TEST(RedisLink, TriesEachAddressOfAName) {
  RedisServer server;  // on 127.0.0.1 alone; localhost may be ::1 first
  TestSource hub(quick_options("redis://localhost:" + std::to_string(server.port())), {});
  EXPECT_TRUE(hub.becomes_up());
}

TEST(RedisLink, TakesAnIPv6Literal) {
  RedisServer server({"--bind", "127.0.0.1", "-::1"});
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has_ipv6 =
      fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  if (fd >= 0) ::close(fd);
  if (!has_ipv6) GTEST_SKIP() << "no IPv6 on this machine";
  TestSource hub(quick_options("redis://[::1]:" + std::to_string(server.port())), {});
  EXPECT_TRUE(hub.becomes_up());
}

TEST(RedisLink, ComesBackWhenItsConnectionsAreEvicted) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  TestSource admin(quick_options(server.url()), {});
  ASSERT_TRUE(hub.becomes_up() && admin.becomes_up());
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  EXPECT_EQ(admin.run({"CLIENT", "KILL", "TYPE", "pubsub"}), "1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("gap room:1"); }));
  EXPECT_EQ(admin.run({"PUBLISH", "chat:1", "x"}), "1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1 x"); }));
}

}  // namespace
}  // namespace livehub::source
