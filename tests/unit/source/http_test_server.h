// A small HTTP/1.1 server for tests, on a free port of 127.0.0.1, a thread for each connection, in
// clear or over TLS with a certificate made here. any thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace livehub::source {

// Opens once; who waits goes on.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_open_; });
  }
  [[nodiscard]] bool wait_for(std::chrono::seconds most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, most, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

// A key and a self-signed certificate for 127.0.0.1 and localhost, in a file that can be trusted.
class TestCertificate {
 public:
  explicit TestCertificate(const char* names = "DNS:localhost,IP:127.0.0.1")
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
    X509* x = certificate_.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key_.get());
    X509_NAME* name = X509_get_subject_name(x);
    const auto* text = reinterpret_cast<const unsigned char*>("livehub test");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x, name);
    for (const auto& [kind, value] :
         {std::pair{NID_subject_alt_name, names}, {NID_basic_constraints, "critical,CA:TRUE"}}) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
      X509_add_ext(x, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(x, key_.get(), EVP_sha256());
    char path[] = "/tmp/livehub-test-XXXXXX";
    const int fd = mkstemp(path);
    path_ = path;
    FILE* file = fdopen(fd, "w");
    PEM_write_X509(file, x);
    fclose(file);
  }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }
  EVP_PKEY* key() const { return key_.get(); }
  X509* certificate() const { return certificate_.get(); }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
  std::string path_;
};

struct TestRequest {
  std::string head;  // request line and fields
  std::string body;
  std::string line() const { return head.substr(0, head.find("\r\n")); }
  bool has(std::string_view field_line) const {
    return head.find("\r\n" + std::string(field_line) + "\r\n") != std::string::npos;
  }
};

class HttpTestServer {
 public:
  // The bytes to answer with; none: the connection is closed.
  using Handler = std::function<std::string(const TestRequest&)>;

  explicit HttpTestServer(Handler handler, const TestCertificate* tls = nullptr)
      : handler_(std::move(handler)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to whoever has gone
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    if (listen(listener_, 128) != 0) std::abort();
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (tls != nullptr) {
      context_.reset(SSL_CTX_new(TLS_server_method()));
      SSL_CTX_use_certificate(context_.get(), tls->certificate());
      SSL_CTX_use_PrivateKey(context_.get(), tls->key());
    }
    thread_ = std::thread([this] { accept_all(); });
  }
  HttpTestServer(const HttpTestServer&) = delete;
  HttpTestServer& operator=(const HttpTestServer&) = delete;
  // The handler must be able to return.
  ~HttpTestServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : sockets_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int fd : sockets_) close(fd);
  }

  std::string url(std::string_view path = "/") const {
    return (context_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) +
           std::string(path);
  }
  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  int requests() const { return requests_; }

  static std::string reply(int status, std::string_view body, std::string_view more = {}) {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
           "\r\n" + std::string(body);
  }

 private:
  struct Peer {
    int fd;
    SSL* ssl;
    ssize_t read(char* data, size_t size) const {
      return ssl != nullptr ? SSL_read(ssl, data, static_cast<int>(size))
                            : ::recv(fd, data, size, 0);
    }
    bool write(std::string_view bytes) const {
      while (!bytes.empty()) {
        const ssize_t sent = ssl != nullptr
                                 ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
                                 : ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
      return true;
    }
  };

  void accept_all() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      ++connections_;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }
  void serve(int fd) {
    SSL* ssl = nullptr;
    if (context_) {
      ssl = SSL_new(context_.get());
      SSL_set_fd(ssl, fd);
    }
    const Peer peer = {fd, ssl};
    std::string bytes;
    TestRequest request;
    if (ssl == nullptr || SSL_accept(ssl) == 1) {
      while (read_request(peer, bytes, request)) {
        ++requests_;
        const std::string answer = handler_(request);
        if (answer.empty() || !peer.write(answer)) break;
      }
    }
    if (ssl != nullptr) SSL_free(ssl);
    shutdown(fd, SHUT_RDWR);
  }
  static bool read_request(const Peer& peer, std::string& bytes, TestRequest& request) {
    char buffer[16384];
    size_t end = 0, size = 0;
    for (;;) {
      end = bytes.find("\r\n\r\n");
      if (end != std::string::npos) {
        const size_t at = bytes.find("Content-Length: ");
        size = at < end ? std::strtoul(bytes.c_str() + at + 16, nullptr, 10) : 0;
        if (bytes.size() >= end + 4 + size) break;
      }
      const ssize_t count = peer.read(buffer, sizeof buffer);
      if (count <= 0) return false;
      bytes.append(buffer, static_cast<size_t>(count));
    }
    request.head = bytes.substr(0, end + 2);
    request.body = bytes.substr(end + 4, size);
    bytes.erase(0, end + 4 + size);
    return true;
  }

  struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  const Handler handler_;
  const int listener_;
  uint16_t port_ = 0;
  std::unique_ptr<SSL_CTX, ContextDeleter> context_;
  std::atomic<int> connections_ = 0, requests_ = 0;
  std::mutex mutex_;  // for the two below
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread thread_;
};

}  // namespace livehub::source
