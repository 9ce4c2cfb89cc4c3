// A parsed head as profiles see it (livehub::Request). Valid during the call it is made for.
#pragma once

#include "io/io.h"
#include "livehub/profile.h"
#include "session/visitor.h"
#include "wire/http_request.h"
#include "wire/url.h"

namespace livehub::session {

class RequestView : public Request {
 public:
  // `visitor`: whose it is, where that is known without asking the kernel; else nullptr.
  RequestView(const wire::HttpHead& head, io::Driver& driver, io::Socket socket,
              const Visitor* visitor)
      : head_(head), driver_(driver), socket_(socket), visitor_(visitor) {}
  std::string_view method() const override { return head_.method; }
  std::string_view path() const override { return head_.path; }
  std::string_view query() const override { return head_.query; }
  std::optional<std::string_view> header(std::string_view name) const override {
    return head_.header(name);
  }
  std::optional<std::string> query_value(std::string_view name) const override {
    return wire::query_value(head_.query, name);
  }
  bool is_websocket() const override { return head_.upgrade_requested; }
  std::string client_address() const override {
    return visitor_ ? auth::ip_text(visitor_->address) : driver_.peer_address(socket_).text;
  }

 private:
  const wire::HttpHead& head_;
  io::Driver& driver_;
  io::Socket socket_;
  const Visitor* visitor_;
};

}  // namespace livehub::session
