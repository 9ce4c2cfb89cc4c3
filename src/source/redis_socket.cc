#include "source/redis_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace livehub::source {
namespace {

std::string system_error(int number) {
  char buffer[128] = {};
  return ::strerror_r(number, buffer, sizeof(buffer));
}

std::string tls_error() {
  char buffer[256] = {};
  const unsigned long code = ::ERR_peek_error();
  ::ERR_clear_error();
  if (code == 0) return "the connection was cut";
  ::ERR_error_string_n(code, buffer, sizeof(buffer));
  return buffer;
}

bool is_address(const std::string& host) {
  in6_addr scratch{};
  return ::inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

}  // namespace

TlsContext make_tls_context(const std::string& ca_file, std::string& error) {
  TlsContext context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
  if (!context) {
    error = "TLS cannot be set up: " + tls_error();
    return {};
  }
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const int loaded = ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context.get())
                                     : ::SSL_CTX_load_verify_file(context.get(), ca_file.c_str());
  if (loaded == 1) return context;
  error = "REDIS_CA_CERT: no certificate could be read from " + ca_file + ".";
  ::ERR_clear_error();
  return {};
}

RedisSocket::RedisSocket() : tls_(nullptr, [](ssl_st* tls) { ::SSL_free(tls); }) {}
RedisSocket::~RedisSocket() { close(); }

void RedisSocket::close() {
  tls_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  wants_write_ = false;
}

RedisSocket::Result RedisSocket::lost(std::string problem) {
  problem_ = std::move(problem);
  close();
  return Result::kLost;
}

RedisSocket::Result RedisSocket::connect(const SocketAddress& address) {
  close();
  fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return lost("no socket: " + system_error(errno));
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0)
    return Result::kDone;
  if (errno == EINPROGRESS || errno == EINTR) return Result::kBlocked;
  return lost("cannot connect: " + system_error(errno));
}

RedisSocket::Result RedisSocket::finish_connect() {
  int number = 0;
  socklen_t size = sizeof(number);
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
  return number == 0 ? Result::kDone : lost("cannot connect: " + system_error(number));
}

RedisSocket::Result RedisSocket::begin_tls(const TlsContext& context, const std::string& host) {
  ::ERR_clear_error();
  tls_.reset(::SSL_new(context.get()));
  if (!tls_ || ::SSL_set_fd(tls_.get(), fd_) != 1) return lost("TLS: " + tls_error());
  bool is_set = false;
  if (is_address(host)) {
    is_set = ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(tls_.get()), host.c_str()) == 1;
  } else {
    is_set = ::SSL_set1_host(tls_.get(), host.c_str()) == 1 &&
             ::SSL_set_tlsext_host_name(tls_.get(), host.c_str()) == 1;
  }
  if (!is_set) return lost("TLS: the host's name cannot be checked");
  ::SSL_set_connect_state(tls_.get());
  return handshake();
}

RedisSocket::Result RedisSocket::tls_result(int returned, const char* what) {
  wants_write_ = false;
  switch (::SSL_get_error(tls_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return Result::kBlocked;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return Result::kBlocked;
    case SSL_ERROR_ZERO_RETURN:
      return lost("the peer closed the connection");
    default:
      break;
  }
  const long verified = ::SSL_get_verify_result(tls_.get());
  if (verified != X509_V_OK)
    return lost(std::string("TLS: the certificate was not accepted: ") +
                ::X509_verify_cert_error_string(verified));
  return lost(std::string(what) + tls_error());
}

RedisSocket::Result RedisSocket::handshake() {
  ::ERR_clear_error();
  const int returned = ::SSL_do_handshake(tls_.get());
  if (returned == 1) {
    wants_write_ = false;
    return Result::kDone;
  }
  return tls_result(returned, "TLS handshake: ");
}

RedisSocket::Result RedisSocket::read(char* out, size_t size, size_t& got) {
  got = 0;
  if (tls_) {
    ::ERR_clear_error();
    const int returned = ::SSL_read_ex(tls_.get(), out, size, &got);
    return returned == 1 ? Result::kDone : tls_result(returned, "TLS: ");
  }
  const ssize_t count = ::recv(fd_, out, size, 0);
  if (count > 0) {
    got = static_cast<size_t>(count);
    return Result::kDone;
  }
  if (count == 0) return lost("the peer closed the connection");
  if (errno == EAGAIN || errno == EINTR) return Result::kBlocked;
  return lost("the connection broke: " + system_error(errno));
}

RedisSocket::Result RedisSocket::write(std::string& bytes) {
  size_t done = 0;
  Result result = Result::kDone;
  while (done < bytes.size() && result == Result::kDone) {
    size_t count = 0;
    if (tls_) {
      ::ERR_clear_error();
      const int returned =
          ::SSL_write_ex(tls_.get(), bytes.data() + done, bytes.size() - done, &count);
      if (returned != 1) result = tls_result(returned, "TLS: ");
    } else {
      const ssize_t sent = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (sent >= 0) {
        count = static_cast<size_t>(sent);
      } else if (errno == EAGAIN || errno == EINTR) {
        result = Result::kBlocked;
      } else {
        result = lost("the connection broke: " + system_error(errno));
      }
    }
    done += count;
  }
  bytes.erase(0, done);
  return result;
}

bool RedisSocket::has_buffered() const { return tls_ && ::SSL_pending(tls_.get()) > 0; }

}  // namespace livehub::source
