#include "tool/http.h"

#include <algorithm>
#include <array>

#include "base/clock.h"

namespace livehub::tool {
namespace {

constexpr size_t kReplyBytesMax = 4 << 20;
constexpr int kTurnMs = 500;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void start_curl() {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)kStarted;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\n'))
    text.remove_suffix(1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

// The first of the chain is the server's own.
int64_t certificate_end(CURL* easy) {
  constexpr std::string_view kField = "Expire date:";
  curl_certinfo* info = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == nullptr) return 0;
  if (info->num_of_certs == 0) return 0;
  for (const curl_slist* row = info->certinfo[0]; row != nullptr; row = row->next)
    if (std::string_view(row->data).starts_with(kField))
      return std::max<int64_t>(0, curl_getdate(row->data + kField.size(), nullptr));
  return 0;
}

}  // namespace

// One request on its way.
struct HttpClient::Transfer {
  const HttpRequest& request;
  HttpReply reply;
  std::unique_ptr<CURL, EasyDeleter> easy;
  std::unique_ptr<curl_slist, ListDeleter> headers;
  std::array<char, CURL_ERROR_SIZE> sentence{};
  int64_t heard_ms = base::monotonic_ms();
  bool is_streamed = false;
  bool has_head = false;
  bool wants_no_more = false;

  explicit Transfer(const HttpRequest& asked) : request(asked) {}

  static size_t on_header(char* bytes, size_t, size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_header({bytes, count});
  }
  static size_t on_body(char* bytes, size_t, size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_body({bytes, count});
  }

  size_t take_header(std::string_view line) {
    heard_ms = base::monotonic_ms();
    if (line.starts_with("HTTP/")) {  // of a 100 Continue, or of the reply
      reply.headers.clear();
    } else if (const size_t colon = line.find(':'); colon != line.npos) {
      reply.headers.emplace(lower_case(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    } else if (trimmed(line).empty()) {
      curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
      if (reply.status >= 200) {
        has_head = true;
        is_streamed = request.on_head && request.on_head(reply);
      }
    }
    return line.size();
  }
  size_t take_body(std::string_view piece) {
    heard_ms = base::monotonic_ms();
    if (!is_streamed) {
      reply.body += piece.substr(0, kReplyBytesMax - std::min(kReplyBytesMax, reply.body.size()));
      return piece.size();
    }
    wants_no_more = !request.on_piece(piece);
    return wants_no_more ? 0 : piece.size();  // another count ends the transfer
  }
  void set_up() {
    CURL* handle = easy.get();
    prepare_handle(handle, request);
    curl_slist* list = nullptr;
    for (const std::string& header : request.headers)
      list = curl_slist_append(list, header.c_str());
    headers.reset(list);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, sentence.data());
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    if (request.method == "POST") {
      curl_easy_setopt(handle, CURLOPT_POST, 1L);
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    } else if (request.method != "GET") {
      curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }
  void take_result(CURLcode code) {
    if (code == CURLE_OK) {
      reply.end = HttpReply::End::kWhole;
      reply.certificate_end = certificate_end(easy.get());
      return;
    }
    reply.error = sentence[0] != '\0' ? sentence.data() : curl_easy_strerror(code);
    reply.end = wants_no_more ? HttpReply::End::kStopped
                : has_head    ? HttpReply::End::kCut
                              : HttpReply::End::kUnreachable;
  }
};

std::string HttpReply::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

void prepare_handle(CURL* easy, const HttpRequest& request) {
  curl_easy_setopt(easy, CURLOPT_URL, http_scheme(request.url).c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, request.connect_ms);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "livehub/" LIVEHUB_VERSION);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
  if (request.goes_direct) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (request.skips_verification) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

HttpReply HttpClient::ask(const HttpRequest& request) {
  start_curl();
  if (!multi_) multi_.reset(curl_multi_init());
  Transfer transfer(request);
  transfer.easy.reset(curl_easy_init());
  transfer.set_up();
  curl_multi_add_handle(multi_.get(), transfer.easy.get());
  wait_for_end(transfer);
  curl_multi_remove_handle(multi_.get(), transfer.easy.get());
  return std::move(transfer.reply);
}

void HttpClient::wait_for_end(Transfer& transfer) {
  curl_waitfd extra{};
  extra.events = CURL_WAIT_POLLIN;
  for (;;) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
      if (message->msg == CURLMSG_DONE) return transfer.take_result(message->data.result);
    const int64_t silent_ms = base::monotonic_ms() - transfer.heard_ms;
    if (silent_ms >= transfer.request.silence_ms) {
      transfer.reply.error =
          "nothing came for " + std::to_string(transfer.request.silence_ms / 1000) + " s";
      transfer.reply.end =
          transfer.has_head ? HttpReply::End::kSilent : HttpReply::End::kUnreachable;
      return;
    }
    if (stop_ != nullptr) extra.fd = stop_->fd();
    const int64_t turn_ms = std::min<int64_t>(kTurnMs, transfer.request.silence_ms - silent_ms);
    curl_multi_poll(multi_.get(), &extra, stop_ == nullptr ? 0 : 1, static_cast<int>(turn_ms),
                    nullptr);
    if (stop_ == nullptr || !stop_->was_asked()) continue;
    transfer.reply.end = HttpReply::End::kStopped;
    return;
  }
}

}  // namespace livehub::tool
