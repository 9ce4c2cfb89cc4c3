// livehub probe: the container's health check.
#include <array>

#include "server/command_line.h"
#include "tool/admin_client.h"
#include "tool/commands.h"
#include "tool/effective.h"
#include "tool/http.h"
#include "tool/printer.h"

namespace livehub::tool {
namespace {

// Where the server of these settings says that it lives; empty and a sentence if nobody can know.
std::string address_of(const server::Settings& settings, bool is_ready, std::string& error) {
  if (const std::string origin = admin_origin(settings); !origin.empty())
    return origin + (is_ready ? "/ready" : "/live");
  const EngineOptions& engine = settings.engine;
  if (!engine.public_ready || engine.port == 0) {
    error = "ADMIN_PORT is no fixed port, and PORT does not answer for it; give --url.";
    return {};
  }
  return "http://" + loopback_of(engine.host) + ":" + std::to_string(engine.port) +
         "/_livehub/ready" + (is_ready ? "" : "?local=1");
}

int run_probe(const Invocation& invocation) {
  std::string error;
  const double seconds = number_of(invocation, "--timeout", 3, 0.1, 600, error);
  if (!error.empty()) return usage_error("probe", error);
  HttpRequest request;
  request.url = invocation.text("--url");
  if (request.url.empty()) {
    const Effective effective = load_effective(invocation);
    if (!effective.settings) {
      complain(effective.error);
      return kExitFailed;
    }
    request.url = address_of(*effective.settings, invocation.has("--ready"), error);
    if (!error.empty()) return usage_error("probe", error);
  }
  const Url url = parse_url(request.url);
  if (!url.error.empty()) return usage_error("probe", url.error + ".");
  request.goes_direct = true;
  request.silence_ms = static_cast<int64_t>(1000 * seconds);
  request.connect_ms = static_cast<long>(1000 * seconds);
  HttpClient client;
  const HttpReply reply = client.ask(request);
  const bool is_well = reply.end == HttpReply::End::kWhole && reply.status == 200;
  if (is_well) {
    if (!invocation.has("--quiet")) (void)print_line("200 from " + url.shown());
    return kExitOk;
  }
  complain(url.shown() + ": " +
           (reply.status != 0
                ? "status " + std::to_string(reply.status) + " " + reply.body.substr(0, 200)
                : reply.error));
  return kExitFailed;
}

constexpr std::array kOptions = {
    Option{.name = "--ready", .help = "Ask whether it is ready, brokers and all, not only alive."},
    Option{.name = "--url", .value = "URL", .help = "Ask there instead."},
    Option{.name = "--timeout", .value = "SECONDS", .help = "How long it may take [3]."},
    Option{.name = "--quiet", .help = "Print nothing when it is well."},
};

constexpr std::string_view kAbout = R"(
Asks /live on the admin port that these settings name (flags, environment, file), or readiness on
the clients' port where there is no admin port. Made for HEALTHCHECK and the like.

Exit codes: 0 it answers 200; 1 it does not; 2 not understood
)";

}  // namespace

const Command kProbe = {.name = "probe",
                        .summary = "Ask a running server whether it is alive.",
                        .about = kAbout,
                        .options = kOptions,
                        .takes_settings = true,
                        .run = run_probe};

}  // namespace livehub::tool
