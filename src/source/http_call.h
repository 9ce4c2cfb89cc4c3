// A call to a backend over HTTP, its answer, and who makes it: HttpClient (source/http_client.h),
// or what the simulator puts in its place. Profiles know no more of it than this. immutable values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace livehub::source {

struct HttpCall {
  std::string method = "GET";  // GET, HEAD, POST, PUT, PATCH or DELETE
  std::string url;             // http:// or https://; what is variable in it is percent-encoded
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  uint32_t timeout_ms = 0;  // from call() to the last byte, waiting included; 0: the client's
  // Whether an equal call (all of the above but the timeout) that is under way answers this one.
  bool is_shared = false;
  // Of shared ones: only an equal call that has not gone out yet does. Then the answer is no older
  // than call(), and at most one such call is out at a time.
  bool is_fresh = false;
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

// mailbox: any thread.
class HttpCaller {
 public:
  // Called once for each call, on the caller's thread or, where the call cannot even wait, within
  // call(). It must not block, and moves what it has to where it belongs (ProfileContext::post).
  using Done = std::function<void(HttpAnswer)>;
  virtual ~HttpCaller() = default;
  virtual void call(HttpCall call, Done done) = 0;
};

}  // namespace livehub::source
