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

namespace livehub::source {

struct HttpCall {
  std::string method = "GET";  // GET, HEAD, POST, PUT, PATCH or DELETE
  std::string url;             // http:// or https://; what is variable in it is percent-encoded
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  uint32_t timeout_ms = 0;  // from call() to the last byte, waiting included; 0: the client's
  // Whether an equal call (all of the above but the timeout) that is under way answers this one.
  bool is_shared = false;
};

enum class HttpFault : uint8_t {
  kNone,         // an answer came, whatever its status
  kTimeout,      // none within the time
  kUnreachable,  // no such name, refused, reset, TLS not accepted
  kTooLarge,     // a body over body_bytes_max
  kRefused,      // a redirect that may not be followed, where redirects are on
  kQueueFull,    // queue_max calls are waiting
  kCircuitOpen,  // the breaker is open
  kStopped,      // this process is ending
  kBadCall,      // a method, URL or header that cannot be sent: the caller's mistake
};

struct HttpAnswer {
  HttpFault fault = HttpFault::kStopped;
  int status = 0;  // 0, if there is none
  std::string content_type = {};
  std::string body = {};
  std::string problem = {};  // where there is no answer: a sentence without address or secret

  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

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

class HttpClient : public Source {
 public:
  // Called once for each call, on the client's thread or, where the call cannot even wait, within
  // call(). It must not block, and moves what it has to where it belongs (ProfileContext::post).
  using Done = std::function<void(HttpAnswer)>;

  explicit HttpClient(HttpClientOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() override;  // stops

  // Before start() calls wait; after stop() they fail.
  void call(HttpCall call, Done done);

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
