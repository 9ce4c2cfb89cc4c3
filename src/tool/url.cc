// URLs of the commands, taken apart by libcurl.
#include <memory>

#include "tool/http.h"

namespace livehub::tool {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK || text == nullptr) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

std::string http_scheme(std::string_view url) {
  if (url.starts_with("ws://")) return "http://" + std::string(url.substr(5));
  if (url.starts_with("wss://")) return "https://" + std::string(url.substr(6));
  return std::string(url);
}

std::string Url::origin() const { return scheme + "://" + host + (port.empty() ? "" : ":" + port); }

std::string Url::whole() const {
  return scheme + "://" + (userinfo.empty() ? "" : userinfo + "@") + host +
         (port.empty() ? "" : ":" + port) + path + (query.empty() ? "" : "?" + query);
}

std::string Url::shown() const { return origin() + path; }

Url parse_url(std::string_view text) {
  Url url;
  if (text.find("://") == text.npos) {
    url.error = "the URL must begin with http://, https://, ws:// or wss://";
    return url;
  }
  const std::string scheme(text.substr(0, text.find("://")));
  url.is_websocket = scheme == "ws" || scheme == "wss";
  url.is_tls = scheme == "https" || scheme == "wss";
  if (!url.is_websocket && scheme != "http" && scheme != "https") {
    url.error = scheme + ":// is not for here; there are http, https, ws and wss";
    return url;
  }
  const std::unique_ptr<CURLU, UrlDeleter> parsed(curl_url());
  if (curl_url_set(parsed.get(), CURLUPART_URL, http_scheme(text).c_str(), 0) != CURLUE_OK) {
    url.error = "the URL is malformed";
    return url;
  }
  url.scheme = scheme;
  url.host = part(parsed.get(), CURLUPART_HOST);
  url.port = part(parsed.get(), CURLUPART_PORT);
  url.path = part(parsed.get(), CURLUPART_PATH);
  url.query = part(parsed.get(), CURLUPART_QUERY);
  url.userinfo = part(parsed.get(), CURLUPART_USER);
  const std::string password = part(parsed.get(), CURLUPART_PASSWORD);
  if (!password.empty()) url.userinfo += ":" + password;
  return url;
}

}  // namespace livehub::tool
