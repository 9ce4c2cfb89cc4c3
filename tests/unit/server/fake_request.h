// A request's head for tests of what decides by it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "livehub/profile.h"
#include "wire/url.h"

namespace livehub::server {

class FakeRequest : public Request {
 public:
  std::string the_method = "GET";
  std::string the_path = "/";
  std::string the_query;
  std::string peer = "127.0.0.1";
  std::map<std::string, std::string> fields = {{"host", "localhost:9091"}};

  FakeRequest& with(const std::string& name, const std::string& value) {
    fields[name] = value;
    return *this;
  }
  FakeRequest& from(const std::string& address) {
    peer = address;
    return *this;
  }
  FakeRequest& by(const std::string& method) {
    the_method = method;
    return *this;
  }

  std::string_view method() const override { return the_method; }
  std::string_view path() const override { return the_path; }
  std::string_view query() const override { return the_query; }
  std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = fields.find(std::string(name));
    if (found == fields.end()) return std::nullopt;
    return found->second;
  }
  std::optional<std::string> query_value(std::string_view name) const override {
    return wire::query_value(the_query, name);
  }
  bool is_websocket() const override { return false; }
  std::string client_address() const override { return peer; }
};

}  // namespace livehub::server
