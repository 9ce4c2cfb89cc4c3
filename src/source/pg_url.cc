#include "source/pg_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <set>

#include "source/postgres.h"

namespace livehub::source {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

// Ours where the URL says nothing: dead peers are found, the session is on a server that can
// notify, and no Kerberos library is asked first.
constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"fallback_application_name", "livehub"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "15000"},
    {"target_session_attrs", "primary"},
    {"gssencmode", "disable"},
};

const std::set<std::string, std::less<>>& known_keywords() {
  static const std::set<std::string, std::less<>> kKnown = [] {
    std::set<std::string, std::less<>> names;
    const OptionList list(PQconndefaults());
    for (const PQconninfoOption* o = list.get(); o && o->keyword; ++o) names.insert(o->keyword);
    return names;
  }();
  return kKnown;
}

// One name=value of the query as libpq understands it; empty: passed over.
std::string translated(std::string_view pair, std::vector<std::string>& ignored) {
  const std::string_view name = pair.substr(0, pair.find('='));
  const std::string_view value = pair.substr(std::min(name.size() + 1, pair.size()));
  if (name == "ssl" || (name == "sslmode" && value == "no-verify")) {
    if (value == "false" || value == "0") return "sslmode=disable";
    const bool is_mode = value == "prefer" || value == "allow" || value == "disable" ||
                         value == "verify-ca" || value == "verify-full";
    return "sslmode=" + (is_mode ? std::string(value) : "require");
  }
  if (known_keywords().contains(name)) return std::string(pair);
  if (!name.empty()) ignored.emplace_back(name.substr(0, 40));
  return {};
}

std::string translated_url(std::string_view url, std::vector<std::string>& ignored) {
  const size_t mark = std::min(url.find('?'), url.size());
  std::string out(url.substr(0, mark));
  std::string_view rest = url.substr(std::min(mark + 1, url.size()));
  char separator = '?';
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string pair = translated(rest.substr(0, end), ignored);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    out += separator + pair;
    separator = '&';
  }
  return out;
}

// Whether the parts are where they seem to be. An unescaped @, / or ? in a password moves them, and
// then pieces of it would stand in sentences about hosts and databases.
bool is_unambiguous(std::string_view url) {
  const size_t mark = url.find('?');
  if (mark != url.npos && url.find('@', mark) != url.npos) return false;
  const std::string_view rest = url.substr(url.find("://") + 3);
  const size_t at = rest.substr(0, rest.find('?')).rfind('@');
  return at == rest.npos || rest.substr(0, at).find_first_of("@/") == rest.npos;
}

bool ports_are_numbers(const PQconninfoOption* options) {
  for (; options->keyword; ++options) {
    if (std::string_view(options->keyword) != "port" || !options->val) continue;
    return std::string_view(options->val).find_first_not_of("0123456789,") == std::string::npos;
  }
  return true;
}

bool has(const PgAddress& address, std::string_view keyword) {
  return std::any_of(address.keywords.begin(), address.keywords.end(),
                     [&](const auto& entry) { return entry.first == keyword; });
}

std::string pooled_sentence(std::string_view setting, std::string_view host,
                            std::string_view direct) {
  return std::string(setting) + " names the pooled host " + std::string(host) +
         ", where LISTEN does not work: use the direct host " + std::string(direct) + ".";
}

// The hosts are a list with commas, as libpq allows.
std::string check_hosts(const PgAddress& address, std::string_view setting) {
  for (const auto& [keyword, value] : address.keywords) {
    if (keyword != "host") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::string_view host = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(host.size() + 1, rest.size()));
      if (const std::string direct = pg_direct_host(host); !direct.empty())
        return pooled_sentence(setting, host, direct);
    }
  }
  return {};
}

}  // namespace

std::string pg_direct_host(std::string_view host) {
  constexpr std::string_view kPooled = "-pooler";
  const std::string_view label = host.substr(0, host.find('.'));
  // A name and nothing else: it comes into a sentence.
  const bool is_name = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  });
  if (!is_name || !label.ends_with(kPooled)) return {};
  return std::string(label.substr(0, label.size() - kPooled.size())) +
         std::string(host.substr(label.size()));
}

std::optional<PgAddress> parse_pg_address(std::string_view url, std::string_view setting,
                                          std::string& error) {
  PgAddress address;
  const bool is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
  const std::string text = is_url ? translated_url(url, address.ignored) : std::string(url);
  // libpq's own sentence is not repeated: it quotes pieces of the URL.
  const bool is_one_line = text.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos;
  const bool looks_right =
      is_one_line && (is_url ? is_unambiguous(url) : url.find('=') != url.npos);
  const OptionList list(looks_right ? PQconninfoParse(text.c_str(), nullptr) : nullptr);
  if (!list || !ports_are_numbers(list.get())) {
    error = std::string(setting) +
            " is not a PostgreSQL URL; it has the form "
            "postgres://user:password@host:5432/database?sslmode=require, with @, / and the like "
            "in the password percent-encoded.";
    return std::nullopt;
  }
  for (const PQconninfoOption* o = list.get(); o->keyword; ++o)
    if (o->val && std::string_view(o->keyword) != "client_encoding")
      address.keywords.emplace_back(o->keyword, o->val);
  error = check_hosts(address, setting);
  if (!error.empty()) return std::nullopt;
  for (const auto& [keyword, value] : kDefaults)
    if (!has(address, keyword)) address.keywords.emplace_back(keyword, value);
  address.keywords.emplace_back("client_encoding", "UTF8");
  return address;
}

bool pg_name_fits(std::string_view name) {
  return !name.empty() && name.size() <= kPgNameBytesMax && name.find('\0') == name.npos;
}

std::string pg_quote_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted += '"';
}

}  // namespace livehub::source
