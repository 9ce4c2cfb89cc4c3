// Calls to a backend over HTTP, on libcurl's multi interface, on one thread of its own: a slow or
// dead backend holds up no shard. One object per backend, made at start-up and shared by all
// shards; it is a Source that feeds nothing, so that the engine starts and stops it. Profile code
// that reads top to bottom: source/http_task.h.
//
// mailbox: call() and links() from any thread. Limits: `concurrency_max` calls at once,
// `queue_max` waiting, answers of `body_bytes_max`; connections are kept alive and used again.
// A circuit breaker: after `breaker_failures` calls in a row that brought no answer (or 502, 503,
// 504) calls fail at once for `breaker_open_ms`, then a single one is tried.
// Tests: tests/unit/source/http_client_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "livehub/source.h"
#include "source/http_call.h"

namespace livehub::source {

struct HttpClientOptions {
  std::string name = "http backend";  // in links(), metrics and the log
  uint32_t concurrency_max = 64;
  uint32_t queue_max = 10'000;
  uint32_t timeout_ms = 15'000;
  uint32_t connect_timeout_ms = 5'000;
  size_t body_bytes_max = 1 << 20;
  // 0: a redirect is an answer like any other. Else GET and HEAD follow that many, never from https
  // to http, to private addresses only where allowed, and to another origin without our headers.
  uint32_t redirects_max = 0;
  bool allows_private_redirects = false;
  std::string ca_file = {};  // certificates to trust; empty: the system's
  uint32_t breaker_failures = 10;
  uint32_t breaker_open_ms = 5'000;
  bool is_needed = false;  // whether readiness is red while the breaker is open
};

class HttpClient : public Source, public HttpCaller {
 public:
  explicit HttpClient(HttpClientOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() override;  // stops

  // Before start() calls wait; after stop() they fail.
  void call(HttpCall call, Done done) override;

  [[nodiscard]] std::string start(Inlet& inlet) override;
  [[nodiscard]] std::string start();  // without an engine: for tools and tests
  // Ends what is under way: it fails with kStopped.
  void stop() override;
  std::vector<LinkState> links() const override;

  struct Counts {
    uint64_t calls = 0, answers = 0, failures = 0, shared = 0, rejected = 0, connections = 0;
    uint32_t waiting = 0, in_flight = 0;
  };
  Counts counts() const;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

// Whether a backend's base URL can be used: http or https, a host, no user, query or fragment.
// Returns it without a slash at its end; nothing, and a sentence in `error`.
[[nodiscard]] std::string check_base_url(std::string_view url, std::string& error);

}  // namespace livehub::source
