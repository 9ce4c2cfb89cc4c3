// The JSON gate on standard input, for comparison with other parsers: one document a line, its
// bytes in hex; for each a line "ok <compact text in hex>" or "error <offset> <sentence>".
#include <cstdio>
#include <iostream>
#include <string>

#include "wire/json_gate.h"

namespace {

std::string from_hex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

void print_hex(const std::string& bytes) {
  for (const char c : bytes)
    std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

}  // namespace

int main() {
  std::string line, out;
  while (std::getline(std::cin, line)) {
    const std::string in = from_hex(line);
    const livehub::wire::JsonGateResult result = livehub::wire::json_compact(in, out);
    if (result.ok) {
      std::printf("ok ");
      print_hex(out);
      std::printf("\n");
    } else {
      std::printf("error %zu %s\n", result.error_offset, result.error);
    }
  }
  return 0;
}
