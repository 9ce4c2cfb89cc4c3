#include "source/http_url.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "source/http_client.h"

namespace livehub::source {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

Url parse(std::string_view text) {
  Url url(curl_url());
  if (url && curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK)
    url.reset();
  return url;
}

std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

struct Range {
  uint32_t network;
  int bits;
};
constexpr std::array kPrivate = {
    Range{0x00000000, 8},  Range{0x0a000000, 8},  Range{0x64400000, 10}, Range{0x7f000000, 8},
    Range{0xa9fe0000, 16}, Range{0xac100000, 12}, Range{0xc0000000, 24}, Range{0xc0a80000, 16},
    Range{0xc6120000, 15}, Range{0xe0000000, 4},  Range{0xf0000000, 4},
};

bool is_private_v4(uint32_t address) {
  return std::any_of(kPrivate.begin(), kPrivate.end(), [&](const Range& range) {
    return (address ^ range.network) >> (32 - range.bits) == 0;
  });
}

uint32_t v4_at(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

bool is_private_v6(const uint8_t* bytes) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<uint8_t, 12> kTranslated = {0, 0x64, 0xff, 0x9b};
  // An IPv4 address inside counts as what it is: mapped, translated (RFC 6052), 6to4 (RFC 3056).
  if (std::equal(kMapped.begin(), kMapped.end(), bytes) ||
      std::equal(kTranslated.begin(), kTranslated.end(), bytes))
    return is_private_v4(v4_at(bytes + 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_private_v4(v4_at(bytes + 2));
  // What is open begins with 001 (2000::/3); private, link-local, multicast and the rest do not.
  return (bytes[0] & 0xe0) != 0x20;
}

}  // namespace

bool is_callable_url(std::string_view url) {
  const bool is_plain =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_plain || !(url.starts_with("http://") || url.starts_with("https://"))) return false;
  // libcurl would look for a host behind a third slash.
  if (url.substr(url.find("//") + 2).starts_with('/')) return false;
  const Url parsed = parse(url);
  return parsed && !part_of(parsed, CURLUPART_HOST).empty();
}

UrlOrigin origin_of_url(std::string_view url) {
  const Url parsed = parse(url);
  if (!parsed) return {};
  return {part_of(parsed, CURLUPART_SCHEME), part_of(parsed, CURLUPART_HOST),
          part_of(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

bool is_sendable_field(std::string_view name, std::string_view value) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto is_token = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  };
  const auto is_text = [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token) &&
         std::all_of(value.begin(), value.end(), is_text);
}

bool is_private_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return is_private_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return is_private_v6(v6.sin6_addr.s6_addr);
  }
  return true;
}

std::string check_base_url(std::string_view url, std::string& error) {
  error = "must begin with http:// or https:// and name a host";
  if (!is_callable_url(url)) return {};
  const Url parsed = parse(url);
  error = "must not hold a user, a query or a fragment";
  for (const CURLUPart part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    if (!part_of(parsed, part).empty()) return {};
  error.clear();
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

}  // namespace livehub::source
