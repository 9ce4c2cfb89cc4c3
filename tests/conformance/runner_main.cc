// Conformance tests over sockets, against a server that runs already:
//
//   conformance_runner autobahn --port N [--jobs N] [--rounds-max N] [--only 9.] [--patience N]
//                      [--deflate]
//   conformance_runner http --port N [--jobs N] [--byte-by-byte] [--routed] [--patience N]
//   conformance_runner sse < streams
//
// The first two print what failed and a line of counts; exit code 1 if anything failed. `sse` reads
// streams of server-sent events, one a line, each as pieces in hex with commas between; for each it
// prints a line of what wire/sse_parser.h found: "event:<type>:<id>:<data>" and "retry:<ms>" with
// spaces between, the texts in hex. tests/integration/conformance_*.test.mjs run all three.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "autobahn_cases.h"
#include "http_vectors.h"
#include "runner_autobahn.h"
#include "runner_http.h"
#include "runner_socket.h"
#include "wire/sse_parser.h"

namespace livehub::conformance {
namespace {

constexpr size_t kByteByByteMax = 700;  // longer vectors only go whole

struct Arguments {
  unsigned long port = 0, jobs = 4, rounds_max = UINT32_MAX, patience = 1;
  bool byte_by_byte = false, routed = false, deflate = false;
  std::string only;
};

bool parse(int count, char** values, Arguments& arguments) {
  for (int i = 2; i < count; ++i) {
    const std::string_view name = values[i];
    const auto number = [&](unsigned long& value) {
      if (++i >= count) return false;
      char* end = nullptr;
      value = std::strtoul(values[i], &end, 10);
      return *end == '\0' && value > 0;
    };
    bool ok = true;
    if (name == "--port")
      ok = number(arguments.port);
    else if (name == "--jobs")
      ok = number(arguments.jobs);
    else if (name == "--rounds-max")
      ok = number(arguments.rounds_max);
    else if (name == "--patience")
      ok = number(arguments.patience);
    else if (name == "--byte-by-byte")
      arguments.byte_by_byte = true;
    else if (name == "--deflate")
      arguments.deflate = true;
    else if (name == "--routed")
      arguments.routed = true;
    else if (name == "--only" && i + 1 < count)
      arguments.only = values[++i];
    else
      ok = false;
    if (!ok) return false;
  }
  return arguments.port > 0 && arguments.port < 65536;
}

std::chrono::milliseconds patience(const Arguments& arguments) {
  return std::chrono::seconds(30) * arguments.patience;
}

// The longest first, so that none is left over at the end.
std::vector<const Case*> chosen_cases(const Arguments& arguments) {
  std::vector<const Case*> cases;
  for (const Case& test : autobahn_cases())
    if (test.number.starts_with(arguments.only)) cases.push_back(&test);
  std::ranges::stable_sort(cases, {}, [](const Case* test) {
    const int section = std::stoi(test->number);
    return section == 9 ? 0 : section >= 12 ? 1 : 2;
  });
  return cases;
}

int autobahn(const Arguments& arguments) {
  AutobahnOptions options;
  options.port = static_cast<uint16_t>(arguments.port);
  options.rounds_max =
      static_cast<uint32_t>(std::min<unsigned long>(arguments.rounds_max, UINT32_MAX));
  options.patience = patience(arguments);
  options.has_deflate = arguments.deflate;
  const std::vector<const Case*> cases = chosen_cases(arguments);
  size_t counts[4] = {};
  uint64_t rounds = 0;
  std::mutex mutex;  // the counts and the output
  in_parallel(cases.size(), arguments.jobs, [&](size_t i) {
    const AutobahnResult result = run_autobahn_case(*cases[i], options);
    const std::lock_guard lock(mutex);
    ++counts[static_cast<size_t>(result.verdict)];
    rounds += std::min(cases[i]->rounds, options.rounds_max);
    constexpr const char* kNames[] = {"ok", "NON-STRICT", "FAILED", "UNCLEAN"};
    if (result.verdict != Verdict::kOk)
      std::printf("%s %s (%s): %s\n", kNames[static_cast<size_t>(result.verdict)],
                  cases[i]->number.c_str(), cases[i]->description.c_str(), result.detail.c_str());
  });
  std::printf("%zu cases: %zu ok, %zu non-strict, %zu failed, %zu unclean (%llu rounds)\n",
              cases.size(), counts[0], counts[1], counts[2], counts[3],
              static_cast<unsigned long long>(rounds));
  return counts[0] == cases.size() && !cases.empty() ? 0 : 1;
}

int http(const Arguments& arguments) {
  HttpOptions options;
  options.port = static_cast<uint16_t>(arguments.port);
  options.piece_bytes = arguments.byte_by_byte ? 1 : 0;
  options.routed = arguments.routed;
  options.patience = patience(arguments);
  std::vector<HttpVector> vectors = http_vectors();
  if (arguments.byte_by_byte)
    std::erase_if(vectors, [](const auto& v) { return v.input.size() > kByteByByteMax; });
  std::erase_if(vectors, [&](const auto& v) {
    return !std::to_string(v.number).starts_with(arguments.only);
  });
  size_t failed = 0;
  std::mutex mutex;  // the count and the output
  in_parallel(vectors.size(), arguments.jobs, [&](size_t i) {
    const std::string detail = run_http_vector(vectors[i], options);
    if (detail.empty()) return;
    const std::lock_guard lock(mutex);
    ++failed;
    std::printf("FAILED %d (%s): %s\n", vectors[i].number, std::string(vectors[i].name).c_str(),
                detail.c_str());
  });
  std::printf("%zu vectors: %zu ok, %zu failed\n", vectors.size(), vectors.size() - failed, failed);
  return failed == 0 && !vectors.empty() ? 0 : 1;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

class Printer : public wire::SseListener {
 public:
  void on_event(std::string_view id, std::string_view type, std::string_view data) override {
    begin();
    std::printf("event:");
    hex(type);
    std::printf(":");
    hex(id);
    std::printf(":");
    hex(data);
  }
  void on_retry(uint64_t ms) override {
    begin();
    std::printf("retry:%llu", static_cast<unsigned long long>(ms));
  }

 private:
  void begin() {
    if (!is_first_) std::printf(" ");
    is_first_ = false;
  }
  static void hex(std::string_view text) {
    for (const char c : text) std::printf("%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
  }
  bool is_first_ = true;
};

int sse() {
  std::string line;
  while (std::getline(std::cin, line)) {
    Printer printer;
    wire::SseParser parser(printer, 1 << 20);
    std::string_view rest = line;
    for (bool more = true; more;) {
      const size_t comma = rest.find(',');
      if (!parser.feed(from_hex(rest.substr(0, comma)))) return 1;
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
    std::printf("\n");
  }
  return 0;
}

int main_of(int count, char** values) {
  const std::string_view command = count > 1 ? values[1] : "";
  if (command == "sse") return sse();
  Arguments arguments;
  if ((command == "autobahn" || command == "http") && parse(count, values, arguments))
    return command == "http" ? http(arguments) : autobahn(arguments);
  std::fprintf(stderr, "usage: conformance_runner autobahn|http --port N [options] | sse\n");
  return 2;
}

}  // namespace
}  // namespace livehub::conformance

int main(int count, char** values) { return livehub::conformance::main_of(count, values); }
