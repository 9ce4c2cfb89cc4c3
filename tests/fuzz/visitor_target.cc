// Addresses of visitors: what a proxy's header fields and the settings say. Read as the C library
// reads them; what is written comes back; a network holds what shares its first bits.
#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "auth/forwarded.h"
#include "fuzz.h"

namespace livehub::auth {
namespace {

std::optional<IpAddress> reference_ip(const std::string& text) {
  IpAddress address;
  address.bytes[10] = address.bytes[11] = 0xff;
  if (text.find('\0') != text.npos) return std::nullopt;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data() + 12) == 1) return address;
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string reference_text(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  if (address.is_v4()) return inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof(text));
  return inet_ntop(AF_INET6, address.bytes.data(), text, sizeof(text));
}

void check_address(const IpAddress& address) {
  const std::string text = ip_text(address);
  MUST(parse_ip(text) == address, "an address that is written is read again");
  // The library writes ::a.b.c.d, which RFC 5952 leaves to who knows its prefix.
  if (reference_text(address).find('.') == std::string::npos || address.is_v4())
    MUST(text == reference_text(address), "it is written as the library writes it");
}

FUZZ_TARGET(visitor) {
  const std::optional<IpAddress> address = parse_ip(input);
  MUST(address == reference_ip(std::string(input)), "an address is what the library takes for one");
  if (address) check_address(*address);
  if (input.size() >= 16) {
    IpAddress any;
    std::memcpy(any.bytes.data(), input.data(), 16);
    check_address(any);
  }
  fuzz::Input parts(input);
  const std::string_view networks = parts.until('|');
  const std::string_view first = parts.until('|');
  const std::string_view second = parts.rest();
  std::string error;
  const auto list = NetworkList::parse(networks, error);
  MUST(list.has_value() == error.empty(), "a list, or a sentence");
  if (!list) return;
  const std::string_view fields[] = {first, second};
  if (const auto client = forwarded_client(*list, fields)) {
    MUST(!list->contains(*client), "a client is none of the trusted");
    const std::string_view last = second.substr(second.rfind(',') + 1);
    const auto newest = parse_forwarded_entry(last);
    MUST(newest && (*newest == *client || list->contains(*newest)), "the last word is a proxy's");
  }
  if (address) return;
  for (const std::string_view entry : {first, second})
    if (const auto one = parse_ip(entry)) {
      const auto own = NetworkList::parse(ip_text(*one), error);
      MUST(own && own->contains(*one), "an address alone is a network of one");
      IpAddress other = *one;
      other.bytes[15] ^= 1;
      MUST(!own->contains(other), "and holds no other");
    }
}

}  // namespace
}  // namespace livehub::auth
