#include "source/http_transfer.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/check.h"
#include "source/http_url.h"

namespace livehub::source {
namespace {

constexpr size_t kHeaderBytesMax = 64 * 1024;

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  // Options that this libcurl has never fail but for memory.
  LIVEHUB_CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK, "libcurl takes its options");
}

bool may_be_redirected(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

HttpFault fault_of(CURLcode code) {
  if (code == CURLE_OK) return HttpFault::kNone;
  if (code == CURLE_OPERATION_TIMEDOUT) return HttpFault::kTimeout;
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) return HttpFault::kBadCall;
  return HttpFault::kUnreachable;
}

}  // namespace

HttpTransfer::HttpTransfer(std::unique_ptr<HttpJob> job, const HttpClientOptions& options,
                           int64_t now_ns)
    : options_(options), job_(std::move(job)), handle_(curl_easy_init()) {
  LIVEHUB_CHECK(handle_ != nullptr, "libcurl makes a handle");
  set_up(now_ns);
  set_method();
  set_fields();
}

void HttpTransfer::set_up(int64_t now_ns) {
  CURL* handle = handle_.get();
  const int64_t left_ms = std::max<int64_t>((job_->deadline_ns - now_ns) / 1'000'000, 1);
  set(handle, CURLOPT_URL, job_->call.url.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_PROXY, "");  // the secret beside a call is for the backend alone
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(left_ms));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min<int64_t>(options_.connect_timeout_ms, left_ms)));
  // A name that does not resolve in time must not hold up this thread, which has other calls.
  set(handle, CURLOPT_QUICK_EXIT, 1L);
  set(handle, CURLOPT_USERAGENT, "livehub/" LIVEHUB_VERSION);
  set(handle, CURLOPT_PRIVATE, this);
  set(handle, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
  set(handle, CURLOPT_WRITEDATA, this);
  set(handle, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  set(handle, CURLOPT_HEADERDATA, this);
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle, CURLOPT_MAXAGE_CONN, 30L);  // beyond it a backend has often closed its end
  if (!options_.ca_file.empty()) set(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (job_->is_redirected && !options_.allows_private_redirects) {
    // A kept connection would not be asked for its address.
    set(handle, CURLOPT_FRESH_CONNECT, 1L);
    set(handle, CURLOPT_OPENSOCKETFUNCTION, &HttpTransfer::on_socket);
    set(handle, CURLOPT_OPENSOCKETDATA, this);
  }
}

void HttpTransfer::set_method() {
  CURL* handle = handle_.get();
  const HttpCall& call = job_->call;
  if (call.method == "GET" && call.body.empty()) {
    set(handle, CURLOPT_HTTPGET, 1L);
  } else if (call.method == "HEAD") {
    set(handle, CURLOPT_NOBODY, 1L);
  } else {
    set(handle, CURLOPT_POST, 1L);
    set(handle, CURLOPT_POSTFIELDS, call.body.data());  // the job keeps it
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    if (call.method != "POST") set(handle, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }
}

void HttpTransfer::set_fields() {
  const auto add = [this](const std::string& line) {
    curl_slist* list = curl_slist_append(fields_.get(), line.c_str());
    LIVEHUB_CHECK(list != nullptr, "libcurl takes a field");
    static_cast<void>(fields_.release());
    fields_.reset(list);
  };
  add("Expect:");  // or a body over 1 MB would wait for a 100 that many backends never send
  bool has_type = false;
  for (const auto& [name, value] : job_->call.headers) {
    add(value.empty() ? name + ";" : name + ": " + value);
    has_type = has_type || curl_strequal(name.c_str(), "content-type") != 0;
  }
  if (!has_type) add("Content-Type:");  // not libcurl's guess
  set(handle_.get(), CURLOPT_HTTPHEADER, fields_.get());
}

size_t HttpTransfer::on_body(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const size_t bytes = size * count;
  if (transfer.answer_.body.size() + bytes > transfer.options_.body_bytes_max) {
    transfer.is_too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.answer_.body.append(data, bytes);
  return bytes;
}

size_t HttpTransfer::on_header(char*, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  transfer.header_bytes_ += size * count;
  transfer.is_too_large_ = transfer.header_bytes_ > kHeaderBytesMax;
  return transfer.is_too_large_ ? 0 : size * count;
}

curl_socket_t HttpTransfer::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (is_private_address(&address->addr)) {
    transfer.is_private_ = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool HttpTransfer::is_new_connection() const {
  long count = 0;
  return curl_easy_getinfo(handle_.get(), CURLINFO_NUM_CONNECTS, &count) == CURLE_OK && count > 0;
}

void HttpTransfer::follow(int status) {
  const HttpCall& call = job_->call;
  const bool is_plain = (call.method == "GET" || call.method == "HEAD") && call.body.empty();
  char* url = nullptr;
  if (options_.redirects_max == 0 || !may_be_redirected(status)) return;
  if (curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &url) != CURLE_OK || url == nullptr)
    return;
  const bool is_downgrade =
      call.url.starts_with("https:") && !std::string_view(url).starts_with("https:");
  if (is_plain && job_->redirects_left > 0 && !is_downgrade && is_callable_url(url)) {
    next_url_ = url;
    return;
  }
  answer_ = {.fault = HttpFault::kRefused,
             .problem = "It redirects to where it may not be followed"};
}

HttpAnswer HttpTransfer::finish(CURLcode code) {
  answer_.fault = fault_of(code);
  if (is_too_large_) {
    answer_.fault = HttpFault::kTooLarge;
    answer_.problem = "The answer is too large";
  } else if (is_private_ && code != CURLE_OK) {
    answer_.fault = HttpFault::kRefused;
    answer_.problem = "It redirects to a private address";
  } else if (code != CURLE_OK) {
    answer_.problem = curl_easy_strerror(code);
  }
  if (answer_.fault != HttpFault::kNone) {
    answer_.body.clear();  // half an answer is none
    return std::move(answer_);
  }
  long status = 0;
  char* type = nullptr;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != nullptr)
    answer_.content_type = type;
  answer_.status = static_cast<int>(status);
  follow(answer_.status);
  return std::move(answer_);
}

}  // namespace livehub::source
