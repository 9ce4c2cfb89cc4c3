#include "server/admin_page.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "fake_request.h"

namespace livehub::server {
namespace {

TEST(AdminPage, TheHubIsTheOneAskedForOrTheKnownOrThisHost) {
  EXPECT_EQ(hub_origin("https://hub.example", "https://app.fly.dev", "localhost:9091", 8787),
            "https://hub.example");
  EXPECT_EQ(hub_origin("", "https://app.fly.dev", "localhost:9091", 8787), "https://app.fly.dev");
  EXPECT_EQ(hub_origin("", "", "localhost:9091", 8787), "http://localhost:8787");
  EXPECT_EQ(hub_origin("", "", "127.0.0.1:9091", 8787), "http://127.0.0.1:8787");
  EXPECT_EQ(hub_origin("", "", "[::1]:9091", 8787), "http://[::1]:8787");
  EXPECT_EQ(hub_origin("", "", "evil example", 8787), "");
}

// What stands in ?hub= comes from a link that anybody may have made.
TEST(AdminPage, NothingButAnOriginGetsIntoThePolicy) {
  for (const char* asked :
       {"*", "https:", "https://*", "javascript:alert(1)", "'unsafe-inline'",
        "https://a.example; script-src *", "https://a.example https://b.example",
        "https://a.example, https://b.example", "data:", "ws://a.example", "https://a.example/path",
        "null", "ftp://a.example"})
    EXPECT_EQ(hub_origin(asked, "", "localhost", 8787), "") << asked;
}

TEST(AdminPage, ThePolicyAllowsThisPageAndThatHubOnly) {
  EXPECT_EQ(content_security_policy("https://hub.example"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
            "'self' https://hub.example wss://hub.example; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'");
  EXPECT_NE(content_security_policy("http://localhost:1").find(" ws://localhost:1;"),
            std::string::npos);
  EXPECT_NE(content_security_policy("").find("connect-src 'self';"), std::string::npos);
}

TEST(AdminPage, EveryFileIsThereOnceWithATag) {
  std::set<std::string_view> names, tags;
  for (const PageFile& file : page_files()) {
    EXPECT_TRUE(names.insert(file.name).second) << file.name;
    tags.insert(file.tag);
    EXPECT_GT(file.bytes.size(), 0u);
  }
  for (const char* name : {"index.html", "login.html", "page.css", "charts.css", "hub.css",
                           "live.css", "page.js", "pause.js", "chart.js", "favicon.svg"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(tags.size(), names.size());
}

TEST(AdminPage, ABrowserThatHasAFileIsToldSo) {
  FakeRequest request;
  const auto reply = page_reply(request, "page.css", "policy");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->content_type, "text/css; charset=utf-8");
  std::string tag;
  for (const auto& [name, value] : reply->headers)
    if (name == "ETag") tag = value;
  request.with("if-none-match", tag);
  EXPECT_EQ(page_reply(request, "page.css", "policy")->status, 304);
  EXPECT_TRUE(page_reply(request, "page.css", "policy")->body.empty());
  EXPECT_FALSE(page_reply(request, "../page.css", "policy"));
  const auto document = page_reply(request, "index.html", "policy");
  ASSERT_TRUE(document);
  for (const auto& [name, value] : document->headers) {
    EXPECT_NE(name, "ETag");  // its policy may have changed though its bytes have not
  }
}

// The policy forbids it, so a slip would only show in a browser.
TEST(AdminPage, NoFileHasScriptOrStyleInline) {
  for (const PageFile& file : page_files()) {
    if (!file.name.ends_with(".html")) continue;
    for (const char* inlined :
         {"<style", " style=", " onclick=", " onload=", "<script>", "javascript:"})
      EXPECT_EQ(file.bytes.find(inlined), std::string_view::npos) << file.name << inlined;
    EXPECT_EQ(file.bytes.find("//"), std::string_view::npos) << file.name << " names an address";
  }
}

}  // namespace
}  // namespace livehub::server
