#include "source/http_task.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>

#include "http_test_server.h"
#include "source/http_client.h"

namespace livehub::source {
namespace {

// A shard's mailbox: what is posted runs in run(), on the test's thread.
class Mailbox {
 public:
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    arrived_.notify_all();
  }
  // Until `count` have run.
  void run(int count) {
    while (count-- > 0) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(
            arrived_.wait_for(lock, std::chrono::seconds(30), [this] { return !work_.empty(); }));
        work = std::move(work_.front());
        work_.pop_front();
      }
      work();
    }
  }
  std::function<void(std::function<void()>)> poster() {
    return [this](std::function<void()> work) { post(std::move(work)); };
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> work_;
};

// Says when a task's frame is gone.
struct Witness {
  explicit Witness(int& alive) : alive_(alive) { ++alive_; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { --alive_; }
  int& alive_;
};

struct Profile {
  Profile(Mailbox& mailbox, HttpClient& backend) : client(backend), tasks(mailbox.poster()) {}

  Task ask_twice(std::string url) {
    const Witness witness(alive);
    HttpCall first;
    first.url = url + "1";
    const HttpAnswer one = co_await tasks.call(client, std::move(first));
    said += one.body;
    HttpCall second;
    second.url = url + "2";
    const HttpAnswer two = co_await tasks.call(client, std::move(second));
    said += two.body;
    thread = std::this_thread::get_id();
  }
  Task nothing() { co_return; }

  HttpClient& client;
  std::string said;
  std::thread::id thread;
  int alive = 0;
  Tasks tasks;
};

HttpTestServer::Handler path_echo() {
  return [](const TestRequest& request) {
    return HttpTestServer::reply(200, request.line().substr(4, 3));
  };
}

TEST(HttpTask, ReadsTopToBottomOnItsOwnThread) {
  HttpTestServer server(path_echo());
  HttpClient client({});
  ASSERT_EQ(client.start(), "");
  Mailbox mailbox;
  Profile profile(mailbox, client);
  profile.tasks.start(profile.ask_twice(server.url("/a")));
  EXPECT_EQ(profile.tasks.count(), 1u);
  EXPECT_EQ(profile.said, "");
  mailbox.run(1);
  EXPECT_EQ(profile.said, "/a1");
  mailbox.run(1);
  EXPECT_EQ(profile.said, "/a1/a2");
  EXPECT_EQ(profile.thread, std::this_thread::get_id());
  EXPECT_EQ(profile.tasks.count(), 0u);
  EXPECT_EQ(profile.alive, 0);
}

TEST(HttpTask, ATaskThatWaitsForNothingEndsAtOnce) {
  HttpClient client({});
  Mailbox mailbox;
  Profile profile(mailbox, client);
  profile.tasks.start(profile.nothing());
  EXPECT_EQ(profile.tasks.count(), 0u);
  { const Task never_started = profile.ask_twice("http://a/"); }
}

TEST(HttpTask, ManyAtOnceEndInAnyOrder) {
  HttpTestServer server(path_echo());
  HttpClient client({.concurrency_max = 8});
  ASSERT_EQ(client.start(), "");
  Mailbox mailbox;
  Profile profile(mailbox, client);
  for (int i = 0; i < 50; ++i) profile.tasks.start(profile.ask_twice(server.url("/x")));
  EXPECT_EQ(profile.alive, 50);
  mailbox.run(100);
  EXPECT_EQ(profile.said.size(), 300u);
  EXPECT_EQ(profile.alive, 0);
}

TEST(HttpTask, AnAnswerAfterTheProfileFindsNobody) {
  Gate gate;
  HttpTestServer server([&](const TestRequest&) {
    gate.wait();
    return HttpTestServer::reply(200, "late");
  });
  HttpClient client({});
  ASSERT_EQ(client.start(), "");
  Mailbox mailbox;
  auto profile = std::make_unique<Profile>(mailbox, client);
  for (int i = 0; i < 3; ++i) profile->tasks.start(profile->ask_twice(server.url("/b")));
  EXPECT_EQ(profile->alive, 3);
  profile.reset();
  gate.open();
  mailbox.run(3);  // dropped answers; a sanitizer would see a frame touched
}

TEST(HttpTask, AStoppedClientStillEndsItsTasks) {
  HttpClient client({});
  client.stop();
  Mailbox mailbox;
  Profile profile(mailbox, client);
  profile.tasks.start(profile.ask_twice("http://a/"));
  mailbox.run(2);
  EXPECT_EQ(profile.said, "");
  EXPECT_EQ(profile.tasks.count(), 0u);
}

}  // namespace
}  // namespace livehub::source
