#include "source/http_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>

#include "http_test_server.h"

namespace livehub::source {
namespace {

using namespace std::chrono_literals;
constexpr auto kLong = 30s;

std::future<HttpAnswer> ask(HttpClient& client, HttpCall call) {
  auto promise = std::make_shared<std::promise<HttpAnswer>>();
  std::future<HttpAnswer> future = promise->get_future();
  client.call(std::move(call), [promise](HttpAnswer answer) { promise->set_value(answer); });
  return future;
}

HttpAnswer wait(std::future<HttpAnswer> future) {
  if (future.wait_for(kLong) != std::future_status::ready) {
    ADD_FAILURE() << "no answer";
    return {};
  }
  return future.get();
}

HttpAnswer get(HttpClient& client, std::string url) {
  return wait(ask(client, {.url = std::move(url)}));
}

HttpTestServer::Handler echo() {
  return [](const TestRequest& request) {
    return HttpTestServer::reply(200, request.line() + "|" + request.body,
                                 "Content-Type: text/plain\r\n");
  };
}

struct Running {
  explicit Running(HttpClientOptions options = {}) : client(std::move(options)) {
    EXPECT_EQ(client.start(), "");
  }
  HttpClient client;
};

TEST(HttpClient, SendsWhatItIsGiven) {
  TestRequest seen;
  HttpTestServer server([&](const TestRequest& request) {
    seen = request;
    return HttpTestServer::reply(201, "made", "Content-Type: a/b\r\n");
  });
  Running running;
  HttpCall call = {.method = "POST", .url = server.url("/x%2Fy?z=1")};
  call.headers = {
      {"Content-Type", "application/json"}, {"X-Internal-Secret", "s"}, {"X-Empty", ""}};
  call.body = "{\"a\":1}";
  const HttpAnswer answer = wait(ask(running.client, call));
  EXPECT_EQ(answer.fault, HttpFault::kNone);
  EXPECT_EQ(answer.status, 201);
  EXPECT_TRUE(answer.is_success());
  EXPECT_EQ(answer.content_type, "a/b");
  EXPECT_EQ(answer.body, "made");
  EXPECT_EQ(seen.line(), "POST /x%2Fy?z=1 HTTP/1.1");
  EXPECT_EQ(seen.body, "{\"a\":1}");
  EXPECT_TRUE(seen.has("Content-Type: application/json"));
  EXPECT_TRUE(seen.has("X-Internal-Secret: s"));
  EXPECT_TRUE(seen.has("X-Empty:"));
  EXPECT_EQ(seen.head.find("Expect"), std::string::npos);
}

TEST(HttpClient, EveryMethod) {
  HttpTestServer server(echo());
  Running running;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const HttpAnswer answer =
        wait(ask(running.client, {.method = method, .url = server.url("/m"), .body = "b"}));
    EXPECT_EQ(answer.body, std::string(method) + " /m HTTP/1.1|b");
  }
  EXPECT_EQ(wait(ask(running.client, {.method = "GET", .url = server.url("/m")})).body,
            "GET /m HTTP/1.1|");
  EXPECT_EQ(wait(ask(running.client, {.method = "POST", .url = server.url("/m")})).body,
            "POST /m HTTP/1.1|");
}

TEST(HttpClient, HeadHasNoBody) {
  HttpTestServer server([](const TestRequest&) {
    return std::string("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n");
  });
  Running running;
  EXPECT_EQ(wait(ask(running.client, {.method = "HEAD", .url = server.url()})).status, 200);
}

TEST(HttpClient, AStatusIsAnAnswer) {
  HttpTestServer server(
      [](const TestRequest&) { return HttpTestServer::reply(500, "{\"error\":\"x\"}"); });
  Running running;
  const HttpAnswer answer = get(running.client, server.url());
  EXPECT_EQ(answer.fault, HttpFault::kNone);
  EXPECT_EQ(answer.status, 500);
  EXPECT_FALSE(answer.is_success());
  EXPECT_EQ(answer.body, "{\"error\":\"x\"}");
}

TEST(HttpClient, KeepsConnections) {
  HttpTestServer server(echo());
  Running running;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get(running.client, server.url()).status, 200);
  EXPECT_EQ(server.requests(), 20);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(running.client.counts().connections, 1u);
}

TEST(HttpClient, ASlowAnswerIsATimeoutAndOthersPass) {
  Gate gate;
  HttpTestServer server([&](const TestRequest& request) {
    if (request.line().find("/slow") != std::string::npos) gate.wait();
    return HttpTestServer::reply(200, "ok");
  });
  Running running;
  auto slow = ask(running.client, {.url = server.url("/slow"), .timeout_ms = 300});
  EXPECT_EQ(get(running.client, server.url("/fast")).status, 200);
  const HttpAnswer late = wait(std::move(slow));
  EXPECT_EQ(late.fault, HttpFault::kTimeout);
  EXPECT_EQ(late.status, 0);
  EXPECT_FALSE(late.problem.empty());
  gate.open();
}

TEST(HttpClient, RefusedAndCutConnections) {
  Running running;
  std::string url;
  {
    HttpTestServer server([](const TestRequest&) { return std::string(); });
    url = server.url();
    EXPECT_EQ(get(running.client, url).fault, HttpFault::kUnreachable);
  }
  const HttpAnswer refused = get(running.client, url);
  EXPECT_EQ(refused.fault, HttpFault::kUnreachable);
  EXPECT_EQ(refused.problem.find("127.0.0.1"), std::string::npos);
  EXPECT_EQ(get(running.client, "http://no-such-name.invalid/").fault, HttpFault::kUnreachable);
}

TEST(HttpClient, AnAnswerThatEndsEarlyIsNone) {
  HttpTestServer server([](const TestRequest& request) {
    static int count = 0;
    if (++count > 1) return std::string();
    return request.head.empty() ? ""
                                : std::string("HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nhalf");
  });
  Running running;
  auto future = ask(running.client, {.url = server.url(), .timeout_ms = 500});
  const HttpAnswer answer = wait(std::move(future));
  EXPECT_NE(answer.fault, HttpFault::kNone);
  EXPECT_EQ(answer.body, "");
}

TEST(HttpClient, BodiesAreBounded) {
  HttpTestServer server([](const TestRequest& request) {
    const bool is_chunked = request.line().find("/chunked") != std::string::npos;
    const std::string body(request.line().find("/fits") != std::string::npos ? 1000 : 1001, 'x');
    if (!is_chunked) return HttpTestServer::reply(200, body);
    return "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + "\r\n0\r\n\r\n";
  });
  Running running({.body_bytes_max = 1000});
  EXPECT_EQ(get(running.client, server.url("/fits")).body.size(), 1000u);
  EXPECT_EQ(get(running.client, server.url("/large")).fault, HttpFault::kTooLarge);
  const HttpAnswer chunked = get(running.client, server.url("/chunked"));
  EXPECT_EQ(chunked.fault, HttpFault::kTooLarge);
  EXPECT_EQ(chunked.body, "");
}

TEST(HttpClient, HeadersAreBounded) {
  HttpTestServer server([](const TestRequest&) {
    std::string fields;
    for (int i = 0; i < 100; ++i) fields += "X: " + std::string(1000, 'y') + "\r\n";
    return HttpTestServer::reply(200, "", fields);
  });
  Running running;
  EXPECT_EQ(get(running.client, server.url()).fault, HttpFault::kTooLarge);
}

TEST(HttpClient, WhatCannotBeSentIsRefusedAtOnce) {
  Running running;
  for (const HttpCall& call : {
           HttpCall{.url = "file:///etc/passwd"},
           HttpCall{.url = "gopher://a/"},
           HttpCall{.url = "http://a/ b"},
           HttpCall{.method = "CONNECT", .url = "http://a/"},
           HttpCall{.method = "GET x", .url = "http://a/"},
           HttpCall{.url = "http://a/", .headers = {{"X", "a\r\nY: b"}}},
       })
    EXPECT_EQ(wait(ask(running.client, call)).fault, HttpFault::kBadCall) << call.url;
}

TEST(HttpClient, ARedirectIsAnAnswerUnlessAsked) {
  HttpTestServer server([](const TestRequest&) {
    return HttpTestServer::reply(302, "gone", "Location: http://127.0.0.1:1/\r\n");
  });
  Running running;
  const HttpAnswer answer = get(running.client, server.url());
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.body, "gone");
}

HttpTestServer::Handler redirecting(std::string& target) {
  return [&target](const TestRequest& request) {
    if (request.line().find("/final") != std::string::npos)
      return HttpTestServer::reply(200, request.has("X-Secret: s") ? "with" : "without");
    return HttpTestServer::reply(302, "", "Location: " + target + "\r\n");
  };
}

TEST(HttpClient, RedirectsAreFollowedWithinTheirLimits) {
  std::string target = "/final";
  HttpTestServer server(redirecting(target));
  HttpTestServer other(redirecting(target));
  Running running({.redirects_max = 2, .allows_private_redirects = true});
  const auto call = [&](std::string method) {
    return wait(ask(running.client, {.method = std::move(method),
                                     .url = server.url("/begin"),
                                     .headers = {{"X-Secret", "s"}}}));
  };
  EXPECT_EQ(call("GET").body, "with");
  target = other.url("/final");
  EXPECT_EQ(call("GET").body, "without");  // another origin: not our fields
  EXPECT_EQ(call("POST").fault, HttpFault::kRefused);
  target = "/again";
  EXPECT_EQ(call("GET").fault, HttpFault::kRefused);  // for ever
  target = "file:///etc/passwd";
  EXPECT_NE(call("GET").fault, HttpFault::kNone);
}

TEST(HttpClient, RedirectsToPrivateAddressesAreRefused) {
  std::string target = "/final";
  HttpTestServer server(redirecting(target));
  Running running({.redirects_max = 2});
  for (const std::string& to : {std::string("/final"), server.url("/final"),
                                "http://localhost:" + std::to_string(server.port()) + "/final"}) {
    target = to;
    const HttpAnswer answer = get(running.client, server.url("/begin"));
    EXPECT_EQ(answer.fault, HttpFault::kRefused) << to;
    EXPECT_EQ(answer.body, "");
  }
}

TEST(HttpClient, CertificatesAreChecked) {
  const TestCertificate right, wrong_name("DNS:other.test");
  HttpTestServer server(echo(), &right);
  HttpTestServer other(echo(), &wrong_name);
  {
    Running running({.ca_file = right.path()});
    EXPECT_EQ(get(running.client, server.url()).status, 200);
    EXPECT_EQ(get(running.client, other.url()).fault, HttpFault::kUnreachable);
  }
  {
    Running running({.ca_file = wrong_name.path()});
    EXPECT_EQ(get(running.client, other.url()).fault, HttpFault::kUnreachable);  // not its name
  }
  Running running;  // the system's certificates do not know it
  EXPECT_EQ(get(running.client, server.url()).fault, HttpFault::kUnreachable);
}

TEST(HttpClient, OnlySomeAtOnceAndOnlySomeWait) {
  Gate gate;
  std::atomic<int> busy = 0, most = 0;
  HttpTestServer server([&](const TestRequest&) {
    const int now = ++busy;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    gate.wait();
    --busy;
    return HttpTestServer::reply(200, "ok");
  });
  Running running({.concurrency_max = 3, .queue_max = 5});
  std::vector<std::future<HttpAnswer>> futures;
  for (int i = 0; i < 12; ++i) futures.push_back(ask(running.client, {.url = server.url()}));
  for (size_t i = 8; i < 12; ++i)
    EXPECT_EQ(wait(std::move(futures[i])).fault, HttpFault::kQueueFull);
  EXPECT_EQ(running.client.counts().rejected, 4u);
  while (busy < 3) std::this_thread::sleep_for(1ms);
  gate.open();
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(wait(std::move(futures[i])).status, 200);
  EXPECT_EQ(most, 3);
  EXPECT_EQ(get(running.client, server.url()).status, 200);  // and the places are free again
}

TEST(HttpClient, ACallThatWaitsTooLongIsATimeout) {
  Gate gate;
  HttpTestServer server([&](const TestRequest&) {
    gate.wait();
    return HttpTestServer::reply(200, "ok");
  });
  Running running({.concurrency_max = 1});
  auto first = ask(running.client, {.url = server.url()});
  auto second = ask(running.client, {.url = server.url(), .timeout_ms = 100});
  EXPECT_EQ(wait(std::move(second)).fault, HttpFault::kTimeout);
  gate.open();
  EXPECT_EQ(wait(std::move(first)).status, 200);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_TRUE(running.client.links().at(0).is_up);
}

TEST(HttpClient, EqualCallsAreSharedOnRequest) {
  Gate gate;
  HttpTestServer server([&](const TestRequest& request) {
    gate.wait();
    return HttpTestServer::reply(200, request.line() + request.body);
  });
  Running running;
  const HttpCall same = {.method = "POST", .url = server.url("/a"), .body = "1", .is_shared = true};
  HttpCall other_body = same, own = same, other_field = same;
  other_body.body = "2";
  own.is_shared = false;
  other_field.headers = {{"X", "1"}};
  std::vector<std::future<HttpAnswer>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(ask(running.client, same));
  for (const HttpCall& call : {other_body, own, other_field})
    futures.push_back(ask(running.client, call));
  gate.open();
  for (size_t i = 0; i < futures.size(); ++i)
    EXPECT_EQ(wait(std::move(futures[i])).body,
              i == 100 ? "POST /a HTTP/1.12" : "POST /a HTTP/1.11");
  EXPECT_EQ(server.requests(), 4);
  EXPECT_EQ(running.client.counts().shared, 99u);
  EXPECT_EQ(wait(ask(running.client, same)).status, 200);  // not the answer of then
  EXPECT_EQ(server.requests(), 5);
}

TEST(HttpClient, AFreshCallIsNotAnsweredByOneThatWasOutBefore) {
  Gate gate, is_read;
  std::atomic<int> state = 0;
  std::atomic<int> together = 0, together_most = 0;
  HttpTestServer server([&](const TestRequest&) {
    const std::string seen = std::to_string(state);
    together_most = std::max(together_most.load(), ++together);
    is_read.open();
    gate.wait();
    --together;
    return HttpTestServer::reply(200, seen);
  });
  Running running;
  const HttpCall fresh = {.url = server.url("/state"), .is_shared = true, .is_fresh = true};
  auto before = ask(running.client, fresh);
  ASSERT_TRUE(is_read.wait_for(kLong));  // the backend has made its answer, which is slow to come
  state = 1;
  std::vector<std::future<HttpAnswer>> after;
  for (int i = 0; i < 100; ++i) after.push_back(ask(running.client, fresh));
  gate.open();
  EXPECT_EQ(wait(std::move(before)).body, "0");
  for (auto& each : after) EXPECT_EQ(wait(std::move(each)).body, "1");
  EXPECT_EQ(server.requests(), 2);
  EXPECT_EQ(together_most, 1);
  EXPECT_EQ(running.client.counts().shared, 99u);
  EXPECT_EQ(wait(ask(running.client, fresh)).body, "1");
  EXPECT_EQ(server.requests(), 3);
}

TEST(HttpClient, AFreshCallThatIsHeldEndsInTimeAndWithTheClient) {
  Gate gate;
  HttpTestServer server([&](const TestRequest&) {
    gate.wait();
    return HttpTestServer::reply(200, "x");
  });
  Running running;
  HttpCall fresh = {.url = server.url("/"), .is_shared = true, .is_fresh = true};
  auto out = ask(running.client, fresh);
  while (server.requests() == 0) std::this_thread::sleep_for(1ms);
  fresh.timeout_ms = 100;
  EXPECT_EQ(wait(ask(running.client, fresh)).fault, HttpFault::kTimeout);
  fresh.timeout_ms = 0;
  auto held = ask(running.client, fresh);
  running.client.stop();
  gate.open();
  EXPECT_EQ(wait(std::move(out)).fault, HttpFault::kStopped);
  EXPECT_EQ(wait(std::move(held)).fault, HttpFault::kStopped);
}

TEST(HttpClient, TheBreakerOpensAndClosesAgain) {
  std::atomic<int> status = 503;
  HttpTestServer server([&](const TestRequest&) { return HttpTestServer::reply(status, "x"); });
  Running running({.name = "backend", .breaker_failures = 3, .breaker_open_ms = 200});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(running.client, server.url()).status, 503);
  EXPECT_EQ(get(running.client, server.url()).fault, HttpFault::kCircuitOpen);
  EXPECT_EQ(server.requests(), 3);
  LinkState link = running.client.links().at(0);
  EXPECT_EQ(link.name, "backend");
  EXPECT_FALSE(link.is_up);
  EXPECT_FALSE(link.is_needed);
  EXPECT_EQ(link.problem, "It answers 503");
  EXPECT_EQ(link.reconnects, 1u);
  status = 200;
  while (get(running.client, server.url()).fault == HttpFault::kCircuitOpen)
    std::this_thread::sleep_for(10ms);
  link = running.client.links().at(0);
  EXPECT_TRUE(link.is_up);
  EXPECT_EQ(link.problem, "");
  EXPECT_EQ(get(running.client, server.url()).status, 200);
}

TEST(HttpClient, PlainErrorsDoNotOpenTheBreaker) {
  HttpTestServer server([](const TestRequest&) { return HttpTestServer::reply(500, "x"); });
  Running running({.breaker_failures = 2});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get(running.client, server.url()).status, 500);
}

TEST(HttpClient, StopAnswersWhatIsUnderWay) {
  Gate gate;
  std::atomic<int> reached = 0;
  HttpTestServer server([&](const TestRequest&) {
    ++reached;
    gate.wait();
    return HttpTestServer::reply(200, "late");
  });
  std::vector<std::future<HttpAnswer>> futures;
  {
    Running running({.concurrency_max = 4});
    for (int i = 0; i < 50; ++i) futures.push_back(ask(running.client, {.url = server.url()}));
    while (reached < 4) std::this_thread::sleep_for(1ms);
    running.client.stop();
    EXPECT_EQ(get(running.client, server.url()).fault, HttpFault::kStopped);
  }
  for (auto& future : futures) EXPECT_EQ(wait(std::move(future)).fault, HttpFault::kStopped);
  gate.open();
}

TEST(HttpClient, CallsBeforeStartWaitAndEndWithIt) {
  HttpTestServer server(echo());
  std::future<HttpAnswer> never, later;
  {
    HttpClient client({});
    never = ask(client, {.url = server.url()});
  }
  EXPECT_EQ(wait(std::move(never)).fault, HttpFault::kStopped);
  HttpClient client({});
  later = ask(client, {.url = server.url()});
  EXPECT_EQ(client.start(), "");
  EXPECT_EQ(wait(std::move(later)).status, 200);
}

TEST(HttpClient, ManyThreadsAskWhileItStops) {
  HttpTestServer server(echo());
  std::atomic<int> asked = 0, answered = 0;
  {
    Running running({.concurrency_max = 8, .queue_max = 50});
    std::vector<std::thread> threads;
    Gate some;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 300; ++i) {
          ++asked;
          running.client.call({.url = server.url(), .is_shared = t % 2 == 0, .is_fresh = t == 0},
                              [&](HttpAnswer) {
                                if (++answered == 100) some.open();
                              });
        }
      });
    }
    EXPECT_TRUE(some.wait_for(kLong));
    running.client.stop();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(asked, 1200);
  EXPECT_EQ(answered, asked);  // each exactly once
}

}  // namespace
}  // namespace livehub::source
