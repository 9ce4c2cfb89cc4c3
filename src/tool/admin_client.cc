#include "tool/admin_client.h"

#include "tool/effective.h"
#include "tool/secret.h"

namespace livehub::tool {

std::string loopback_of(const std::string& host) {
  if (host.empty() || host == "0.0.0.0") return "127.0.0.1";
  if (host == "::" || host == "[::]") return "[::1]";
  return host.find(':') == host.npos || host.starts_with('[') ? host : "[" + host + "]";
}

std::string admin_origin(const server::Settings& settings) {
  if (!settings.admin_port || *settings.admin_port == 0) return {};
  return "http://" + loopback_of(settings.admin_host) + ":" + std::to_string(*settings.admin_port);
}

AdminTarget admin_target(const Invocation& invocation, const std::string& path) {
  AdminTarget target;
  std::string origin = invocation.text("--url");
  if (origin.empty()) {
    const Effective effective = load_effective(invocation);
    if (!effective.settings) {
      target.error = effective.error;
      return target;
    }
    origin = admin_origin(*effective.settings);
    if (origin.empty()) {
      target.error = "ADMIN_PORT is no fixed port here; give --url.";
      return target;
    }
  }
  target.url = parse_url(origin);
  if (target.url.error.empty()) {
    while (target.url.path.ends_with('/')) target.url.path.pop_back();
    target.url = parse_url(target.url.origin() + target.url.path + path);
  }
  if (!target.url.error.empty()) target.error = target.url.error + ".";
  const Secret token = read_secret(invocation, "ADMIN_TOKEN");
  if (!token.error.empty()) target.error = token.error;
  if (token.text.find_first_of("\r\n") != token.text.npos)
    target.error = "ADMIN_TOKEN is one line.";
  if (!token.text.empty()) target.headers.push_back("Authorization: Bearer " + token.text);
  return target;
}

}  // namespace livehub::tool
