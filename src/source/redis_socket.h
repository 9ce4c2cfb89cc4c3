// A non-blocking connection, plain or TLS, to one address. It knows nothing of Redis.
//
// Owner: a link. Thread rule: one thread, the Redis thread. Tests:
// tests/unit/source/redis_tls_test.cc and redis_link_test.cc beside it.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace livehub::source {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Checks certificates by the system's roots, or by those in `ca_file`. Startup; the result is
// immutable. Empty pointer: `error` says why.
using TlsContext = std::shared_ptr<ssl_ctx_st>;
[[nodiscard]] TlsContext make_tls_context(const std::string& ca_file, std::string& error);

class RedisSocket {
 public:
  enum class Result : uint8_t { kDone, kBlocked, kLost };

  RedisSocket();
  ~RedisSocket();
  RedisSocket(const RedisSocket&) = delete;
  RedisSocket& operator=(const RedisSocket&) = delete;

  // Each returns kLost with problem() set when the connection is of no more use.
  Result connect(const SocketAddress& address);
  Result finish_connect();  // when it is writable
  Result begin_tls(const TlsContext& context, const std::string& host);
  Result handshake();
  // Reads up to `size` bytes; `got` is set with kDone.
  Result read(char* out, size_t size, size_t& got);
  // Writes what it can from the front of `bytes` and removes it there.
  Result write(std::string& bytes);
  void close();

  int fd() const { return fd_; }
  bool wants_write() const { return wants_write_; }  // TLS: before it can go on at all
  bool has_buffered() const;                         // TLS: bytes that poll() does not see
  const std::string& problem() const { return problem_; }

 private:
  Result lost(std::string problem);
  Result tls_result(int returned, const char* what);

  int fd_ = -1;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
  bool wants_write_ = false;
  std::string problem_;
};

}  // namespace livehub::source
