// For tests, loaded into a program by LD_PRELOAD: the name `broker.test` has the address that
// stands in the file MOVING_NAME_FILE names, read at each look-up; other names are looked
// up as ever. Compiled by tests/integration/lib/moving_name.mjs.
#include <dlfcn.h>
#include <netdb.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (!node || std::strcmp(node, "broker.test") != 0) return real(node, service, hints, result);
  const char* const file = std::getenv("MOVING_NAME_FILE");
  std::string address;
  std::ifstream(file ? file : "") >> address;
  if (address.empty()) return EAI_NONAME;
  return real(address.c_str(), service, hints, result);
}
