#include "server/admin_page.h"

#include "auth/origin.h"
#include "server/admin_access.h"

namespace livehub::server {
namespace {

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

// An origin in the form in which browsers send it, of http(s) only; empty if it is none.
std::string plain_origin(std::string_view text) {
  std::string error;
  const auto list = auth::OriginList::parse(text, error);
  if (!list || list->any() || list->entries().size() != 1) return {};
  const std::string& origin = list->entries().front();
  const bool is_http = origin.starts_with("http://") || origin.starts_with("https://");
  // What may stand in a policy; an origin has nothing else anyway.
  const bool is_safe = origin.find_first_of("; ,'\"") == std::string::npos;
  return is_http && is_safe ? origin : std::string();
}

}  // namespace

std::string hub_origin(std::string_view asked, std::string_view known, std::string_view host,
                       uint16_t port) {
  if (!asked.empty()) return plain_origin(asked);
  if (!known.empty()) return plain_origin(known);
  const std::string_view name = host_name_of(host);
  if (name.empty()) return {};
  return plain_origin("http://" + std::string(name) + ":" + std::to_string(port));
}

std::string content_security_policy(std::string_view hub) {
  std::string connect = "'self'";
  if (!hub.empty()) {
    const bool is_tls = hub.starts_with("https://");
    const std::string_view rest = hub.substr(hub.find("://"));
    connect += " " + std::string(hub) + (is_tls ? " wss" : " ws") + std::string(rest);
  }
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " +
         connect + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

std::optional<Reply> page_reply(const Request& request, std::string_view name,
                                std::string_view policy) {
  for (const PageFile& file : page_files()) {
    if (file.name != name) continue;
    Reply reply;
    // A document's policy changes with the hub's address: it is fetched anew each time.
    const bool is_document = name.ends_with(".html");
    reply.headers.emplace_back("Cache-Control", is_document ? "no-store" : "no-cache");
    if (!is_document) reply.headers.emplace_back("ETag", file.tag);
    reply.headers.emplace_back("Content-Security-Policy", policy);
    reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
    reply.headers.emplace_back("X-Frame-Options", "DENY");
    reply.headers.emplace_back("Referrer-Policy", "same-origin");
    reply.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    reply.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    if (!is_document && request.header("if-none-match").value_or("") == file.tag) {
      reply.status = 304;
      return reply;
    }
    reply.body = file.bytes;
    reply.content_type = type_of(name);
    return reply;
  }
  return std::nullopt;
}

}  // namespace livehub::server
