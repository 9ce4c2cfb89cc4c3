#include "source/http_url.h"
#include "wire/url.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "source/http_client.h"

namespace livehub::source {
namespace {

bool is_private(const char* text) {
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    return is_private_address(reinterpret_cast<const sockaddr*>(&v4));
  }
  EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
  v6.sin6_family = AF_INET6;
  return is_private_address(reinterpret_cast<const sockaddr*>(&v6));
}

TEST(HttpUrl, AddressesThatAreNotTheOpenInternet) {
  for (const char* text :
       {"0.0.0.0",         "10.1.2.3",        "100.64.0.1",      "127.0.0.1",  "127.255.255.255",
        "169.254.169.254", "172.16.0.1",      "172.31.255.255",  "192.0.0.8",  "192.168.1.1",
        "198.19.0.1",      "224.0.0.1",       "255.255.255.255", "::",         "::1",
        "fc00::1",         "fdaa::3",         "fe80::1",         "ff02::1",    "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",   "::127.0.0.1"})
    EXPECT_TRUE(is_private(text)) << text;
  for (const char* text :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "172.15.0.1", "172.32.0.1", "192.0.1.0", "192.167.0.1", "198.17.0.1", "223.255.255.255",
        "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"})
    EXPECT_FALSE(is_private(text)) << text;
}

TEST(HttpUrl, PercentEncodingLeavesNothingThatMeansSomething) {
  EXPECT_EQ(wire::percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(wire::percent_encode("a/b?c#d&e=f%g h+i:j@k;l"),
            "a%2Fb%3Fc%23d%26e%3Df%25g%20h%2Bi%3Aj%40k%3Bl");
  EXPECT_EQ(wire::percent_encode(std::string_view("\0\r\n\x7f\xc3\xa9", 6)), "%00%0D%0A%7F%C3%A9");
}

TEST(HttpUrl, WhatMayBeCalled) {
  for (const char* url : {"http://a", "https://a.test:8443/x?y=%20", "http://[::1]:80/"})
    EXPECT_TRUE(is_callable_url(url)) << url;
  for (const char* url : {"", "a", "ftp://a", "file:///etc/passwd", "http://", "http:///x",
                          "HTTP://a", "http://a/ b", "http://a/\r\nX: y", "http://a:99999/"})
    EXPECT_FALSE(is_callable_url(url)) << url;
  // Looks at nothing behind its end (seen under the address sanitizer).
  const std::vector<char> bare = {'h', 't', 't', 'p', ':', '/', '/'};
  EXPECT_FALSE(is_callable_url({bare.data(), bare.size()}));
}

TEST(HttpUrl, OriginsAreSchemeHostAndPort) {
  EXPECT_EQ(origin_of_url("http://a/x"), origin_of_url("http://a:80/y"));
  EXPECT_NE(origin_of_url("http://a/"), origin_of_url("https://a/"));
  EXPECT_NE(origin_of_url("http://a/"), origin_of_url("http://b/"));
  EXPECT_NE(origin_of_url("http://a/"), origin_of_url("http://a:81/"));
}

TEST(HttpUrl, BaseUrlsOfBackends) {
  std::string error;
  EXPECT_EQ(check_base_url("https://a.test/", error), "https://a.test");
  EXPECT_EQ(check_base_url("http://localhost:3000/base//", error), "http://localhost:3000/base");
  EXPECT_EQ(error, "");
  for (const char* url :
       {"", "localhost:3000", "ftp://a", "http://u:p@a", "http://a?x=1", "http://a/#x"}) {
    EXPECT_EQ(check_base_url(url, error), "") << url;
    EXPECT_FALSE(error.empty()) << url;
  }
}

TEST(HttpUrl, FieldsAreOneLine) {
  EXPECT_TRUE(is_sendable_field("X-Internal-Secret", "a b\tc\xc3\xa9"));
  EXPECT_TRUE(is_sendable_field("x", ""));
  EXPECT_FALSE(is_sendable_field("", "a"));
  EXPECT_FALSE(is_sendable_field("a b", "a"));
  EXPECT_FALSE(is_sendable_field("a:", "a"));
  EXPECT_FALSE(is_sendable_field("a", "b\r\nc: d"));
  EXPECT_FALSE(is_sendable_field("a", std::string_view("\0", 1)));
}

}  // namespace
}  // namespace livehub::source
