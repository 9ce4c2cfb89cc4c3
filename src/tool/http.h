// HTTP for the commands, over libcurl: one request at a time on a kept connection, with an end when
// Ctrl-C is pressed or the peer has been silent for too long. One thread.
// Limits: a reply that is not streamed is kept up to 4 MB.
// Tests: tests/integration/tools.test.mjs, tools_stream.test.mjs, tools_push.test.mjs.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tool/stop_signals.h"

namespace livehub::tool {

struct HttpReply {
  enum class End : uint8_t {
    kWhole,        // to its proper end
    kUnreachable,  // no reply began; `error` says why
    kCut,          // it began and broke off; `error`
    kSilent,       // nothing came for silence_ms
    kStopped,      // Ctrl-C, or on_piece() wanted no more
  };
  End end = End::kUnreachable;
  long status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string error;
  int64_t certificate_end = 0;  // of the server's own, in Unix seconds; 0: none, or not told

  std::string header(const std::string& lower_case_name) const;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  long connect_ms = 10'000;
  int64_t silence_ms = 30'000;
  bool skips_verification = false;  // of the TLS certificate
  bool goes_direct = false;         // not through the proxy of the environment
  // Called once, when the head is there. True: the body goes to on_piece, else it is kept.
  std::function<bool(const HttpReply&)> on_head;
  std::function<bool(std::string_view)> on_piece;  // false ends the transfer
};

class HttpClient {
 public:
  explicit HttpClient(StopSignals* stop = nullptr) : stop_(stop) {}
  HttpReply ask(const HttpRequest& request);

 private:
  struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  struct Transfer;
  void wait_for_end(Transfer& transfer);

  StopSignals* stop_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;  // keeps the connections
};

// What stands in every handle; used by the WebSocket side too.
void prepare_handle(CURL* easy, const HttpRequest& request);
// ws:// and wss:// as curl knows them.
[[nodiscard]] std::string http_scheme(std::string_view url);

// A URL taken apart and checked. `error` is a sentence.
struct Url {
  std::string scheme, host, port, path, query;
  std::string error;
  bool is_websocket = false;  // ws, wss
  bool is_tls = false;
  std::string origin() const;  // scheme://host[:port]
  std::string whole() const;
  // Without what may be secret: user, password and query.
  std::string shown() const;

  std::string userinfo;
};
[[nodiscard]] Url parse_url(std::string_view text);

}  // namespace livehub::tool
