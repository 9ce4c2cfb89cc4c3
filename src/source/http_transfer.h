// One call on its way: libcurl's handle for it, set up, and what comes back. Owned by the HTTP
// client's thread and used on it alone (one thread). Tests: tests/unit/source/http_client_test.cc.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

#include "source/http_client.h"

namespace livehub::source {

// A call that somebody waits for; several, if it is shared.
struct HttpJob {
  HttpCall call;
  std::vector<HttpClient::Done> callers;
  std::string share_key;  // empty: not shared
  bool is_out = false;    // has gone out
  int64_t deadline_ns = 0;
  uint32_t redirects_left = 0;
  bool is_redirected = false;  // `call` is already the next one
};

class HttpTransfer {
 public:
  HttpTransfer(std::unique_ptr<HttpJob> job, const HttpClientOptions& options, int64_t now_ns);
  HttpTransfer(const HttpTransfer&) = delete;  // libcurl has our address
  HttpTransfer& operator=(const HttpTransfer&) = delete;
  ~HttpTransfer() = default;

  [[nodiscard]] CURL* handle() const { return handle_.get(); }
  // After its end: what came of it. Leaves the answer empty if it goes on elsewhere: then
  // next_url() says where.
  [[nodiscard]] HttpAnswer finish(CURLcode code);
  [[nodiscard]] const std::string& next_url() const { return next_url_; }
  [[nodiscard]] bool is_new_connection() const;
  [[nodiscard]] std::unique_ptr<HttpJob> take_job() { return std::move(job_); }

 private:
  struct EasyDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  void set_up(int64_t now_ns);
  void set_method();
  void set_fields();
  void follow(int status);

  const HttpClientOptions& options_;
  std::unique_ptr<HttpJob> job_;
  std::unique_ptr<curl_slist, ListDeleter> fields_;
  std::unique_ptr<CURL, EasyDeleter> handle_;  // behind what it refers to
  HttpAnswer answer_;
  std::string next_url_;
  size_t header_bytes_ = 0;
  bool is_too_large_ = false;
  bool is_private_ = false;
};

}  // namespace livehub::source
