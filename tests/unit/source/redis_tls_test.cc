// TLS against a real redis-server with a throw-away authority: what is checked, and what is
// refused.
#include "redis_test_util.h"

namespace livehub::source {
namespace {

using namespace redis_test;

int run_quietly(const std::vector<std::string>& command, const std::string& log) {
  const pid_t pid = spawn_quietly(command, log);
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

// An authority, and a certificate by it for one name.
class Authority {
 public:
  explicit Authority(const std::string& alternative) {
    const std::string base = directory_.path() + "/";
    const std::string log = base + "log";
    EXPECT_EQ(
        run_quietly({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                     "/CN=test authority", "-keyout", base + "ca.key", "-out", base + "ca.pem"},
                    log),
        0);
    EXPECT_EQ(
        run_quietly({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                     "-nodes", "-subj", "/CN=redis", "-addext", "subjectAltName=" + alternative,
                     "-keyout", base + "key.pem", "-out", base + "request.pem"},
                    log),
        0);
    EXPECT_EQ(run_quietly({"openssl", "x509", "-req", "-in", base + "request.pem", "-CA",
                           base + "ca.pem", "-CAkey", base + "ca.key", "-CAcreateserial", "-days",
                           "2", "-copy_extensions", "copy", "-out", base + "cert.pem"},
                          log),
              0);
  }
  std::string file(const std::string& name) const { return directory_.path() + "/" + name; }
  std::vector<std::string> server_options() const {
    return {"--tls-cert-file",    file("cert.pem"), "--tls-key-file",     file("key.pem"),
            "--tls-ca-cert-file", file("ca.pem"),   "--tls-auth-clients", "no"};
  }

 private:
  TestDirectory directory_;
};

std::string tls_url(const std::string& host, const RedisServer& server) {
  return "rediss://" + host + ":" + std::to_string(server.port());
}

bool is_refused(const TestSource& source, const char* what) {
  return eventually([&] { return source.problem().find(what) != std::string::npos; });
}

TEST(RedisTls, SpeaksWithACertificateOfTheGivenAuthority) {
  const Authority authority("DNS:localhost,IP:127.0.0.1");
  RedisServer server(authority.server_options(), true);
  for (const char* host : {"localhost", "127.0.0.1"}) {
    auto options = quick_options(tls_url(host, server));
    options.ca_file = authority.file("ca.pem");
    TestSource hub(options, pubsub_rule());
    ASSERT_TRUE(hub.becomes_up()) << hub.problem();
    hub.source->want("room:1");
    ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
    const std::string large(3 << 20, 'x');
    EXPECT_EQ(hub.run({"PUBLISH", "chat:1", large}), "1");
    ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1 " + large); }));
    server.freeze();
    ASSERT_TRUE(hub.becomes_down());
    server.thaw();
    ASSERT_TRUE(hub.becomes_up());
  }
}

TEST(RedisTls, RefusesAnUnknownAuthorityAnotherNameAndPlainText) {
  const Authority authority("DNS:elsewhere.test");
  const Authority stranger("DNS:localhost");
  RedisServer server(authority.server_options(), true);
  auto options = quick_options(tls_url("localhost", server));
  TestSource by_system(options, {});
  options.ca_file = stranger.file("ca.pem");
  TestSource by_stranger(options, {});
  options.ca_file = authority.file("ca.pem");
  TestSource by_name(options, {});
  options.url = tls_url("127.0.0.1", server);
  TestSource by_address(options, {});
  EXPECT_TRUE(is_refused(by_system, "certificate was not accepted"));
  EXPECT_TRUE(is_refused(by_stranger, "certificate was not accepted"));
  EXPECT_TRUE(is_refused(by_name, "hostname mismatch"));
  EXPECT_TRUE(is_refused(by_address, "IP address mismatch"));
  TestSource plain(quick_options("redis://127.0.0.1:" + std::to_string(server.port())), {});
  EXPECT_TRUE(eventually([&] { return plain.problem() != "not connected yet"; }));
  EXPECT_FALSE(plain.is_up());
  RedisServer without;
  options.url = tls_url("localhost", without);
  TestSource to_plain(options, {});
  EXPECT_TRUE(eventually([&] { return to_plain.problem() != "not connected yet"; }));
  EXPECT_FALSE(to_plain.is_up());
}

TEST(RedisTls, CanBeAskedForWithoutTheScheme) {
  const Authority authority("DNS:localhost");
  RedisServer server(authority.server_options(), true);
  auto options = quick_options("redis://localhost:" + std::to_string(server.port()));
  options.force_tls = true;
  options.ca_file = authority.file("ca.pem");
  TestSource hub(options, {});
  EXPECT_TRUE(hub.becomes_up()) << hub.problem();
}

}  // namespace
}  // namespace livehub::source
