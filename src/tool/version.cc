// livehub version: what this binary is made of.
#include <cjose/version.h>
#include <curl/curl.h>
#include <fmt/core.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <llhttp.h>
#include <mimalloc.h>
#include <nats/nats.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <sys/utsname.h>
#include <toml++/impl/version.h>
#include <zlib.h>
#include <CLI/Version.hpp>

#include <array>
#include <nlohmann/json.hpp>

#include "io/io.h"
#include "profile/profiles.h"
#include "tool/commands.h"
#include "tool/printer.h"

namespace livehub::tool {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::string curl_text() {
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  return std::string(info->version) +
         (info->ssl_version ? ", " + std::string(info->ssl_version) : "");
}

// First what can be asked at run time, then what this was built with (Debian's packages keep both
// alike): every library of the Makefile's BUILD_PACKAGES.
std::vector<std::pair<std::string, std::string>> parts() {
  utsname machine{};
  ::uname(&machine);
  const int pq = PQlibVersion();
  const io::UringProbe probe = io::probe_uring();
  std::string names;
  for (const profile::ProfileEntry& entry : profile::profiles())
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return {
      {"profiles", names},
      {"I/O", std::string(probe.usable ? "io_uring and epoll: " : "epoll only: ") + probe.why},
      {"kernel", std::string(machine.sysname) + " " + machine.release + " " + machine.machine},
      {"compiler", __VERSION__},
      {"zlib", zlibVersion()},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"libcurl", curl_text()},
      {"hiredis", dotted(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH)},
      {"libnats", nats_GetVersion()},
      {"libpq", std::to_string(pq / 10000) + "." + std::to_string(pq % 10000)},
      {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"liburing", LIVEHUB_URING_VERSION},
      {"llhttp", dotted(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH)},
      {"cjose", CJOSE_VERSION},
      {"jansson", JANSSON_VERSION},
      {"json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                      NLOHMANN_JSON_VERSION_PATCH)},
      {"toml++", dotted(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH)},
      {"CLI11", CLI11_VERSION},
      {"prometheus", LIVEHUB_PROMETHEUS_VERSION},
      {"mimalloc", std::to_string(MI_MALLOC_VERSION / 100) + "." +
                       std::to_string(MI_MALLOC_VERSION / 10 % 10) + "." +
                       std::to_string(MI_MALLOC_VERSION % 10)},
      {"Chart.js", LIVEHUB_CHART_VERSION},
  };
}

int run_version(const Invocation& invocation) {
  if (invocation.has("--json")) {
    nlohmann::ordered_json out = {{"version", LIVEHUB_VERSION}};
    for (const auto& [name, text] : parts()) out[name] = text;
    return print_line(out.dump(2)) ? kExitOk : kExitFailed;
  }
  bool has_reader = print_line("livehub " LIVEHUB_VERSION);
  if (invocation.has("--verbose")) {
    for (const auto& [name, text] : parts())
      has_reader =
          print_line("  " + name + std::string(12 - std::min<size_t>(11, name.size()), ' ') + text);
  }
  return has_reader ? kExitOk : kExitFailed;
}

constexpr std::array kOptions = {
    Option{.name = "--verbose", .help = "The libraries and features too."},
    Option{.name = "--json", .help = "All of it as JSON."},
};

}  // namespace

const Command kVersion = {.name = "version",
                          .summary = "Print the version; with --verbose what it is made of.",
                          .about = "The same: livehub --version [--verbose]\n",
                          .options = kOptions,
                          .run = run_version};

}  // namespace livehub::tool
