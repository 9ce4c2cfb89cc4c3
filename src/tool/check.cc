// livehub check: the doctor.
#include <unistd.h>

#include <array>
#include <cstdio>

#include "profile/profiles.h"
#include "tool/check_deployment.h"
#include "tool/check_machine.h"
#include "tool/check_settings.h"
#include "tool/commands.h"
#include "tool/effective.h"
#include "tool/printer.h"

namespace livehub::tool {
namespace {

constexpr double kFlyKillSeconds = 5;
constexpr double kDockerKillSeconds = 10;

std::string counted(size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

int say(const Findings& findings, const Invocation& invocation) {
  const std::string text =
      invocation.has("--json") ? findings.json() + "\n" : findings.text(is_terminal(STDOUT_FILENO));
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!invocation.has("--json"))
    std::printf("%s, %s\n", counted(findings.count(Finding::Level::kError), "error").c_str(),
                counted(findings.count(Finding::Level::kWarning), "warning").c_str());
  const bool is_well =
      findings.count(Finding::Level::kError) == 0 &&
      (!invocation.has("--strict") || findings.count(Finding::Level::kWarning) == 0);
  return std::fflush(stdout) == 0 && is_well ? kExitOk : kExitFailed;
}

// Who waits for us to end, as far as that is known here.
void check_drain(const server::Settings& settings, const Invocation& invocation,
                 double kill_seconds, Findings& findings) {
  const double drain = settings.engine.drain_seconds;
  const std::string fly_file = invocation.text("--fly");
  if (!fly_file.empty()) return judge_fly_file(fly_file, invocation, findings);
  if (invocation.has("--kill-timeout"))
    return judge_drain(drain, kill_seconds, "the platform", findings);
  if (settings.engine.is_on_fly)
    return findings.note("drain",
                         "a Machine cannot see its kill_timeout; without one Fly waits 5 s",
                         "livehub check --fly fly.toml, before the deploy");
  judge_drain(drain, kDockerKillSeconds, "docker stop by default", findings);
}

int check_deployment(const Invocation& invocation, Findings& findings) {
  const std::string name =
      invocation.text("--profile", invocation.variable("LIVEHUB_PROFILE").value_or("live-data"));
  const profile::ProfileEntry* profile = profile::find_profile(name);
  if (profile == nullptr)
    return usage_error("check",
                       "--profile: there is no " + name + "; livehub profiles lists them.");
  const std::string error =
      judge_deployment(invocation.text("--url"), std::string(profile->name), invocation, findings);
  return error.empty() ? say(findings, invocation) : usage_error("check", error);
}

int run_check(const Invocation& invocation) {
  std::string error;
  const double kill = number_of(invocation, "--kill-timeout", kFlyKillSeconds, 0, 86'400, error);
  const double seconds = number_of(invocation, "--timeout", 5, 0.1, 600, error);
  if (!error.empty()) return usage_error("check", error);
  Findings findings;
  if (invocation.has("--url")) return check_deployment(invocation, findings);
  Invocation local = invocation;
  if (invocation.has("--profile"))
    local.settings.insert(local.settings.end(), {"--profile", invocation.text("--profile")});
  const Effective effective = load_effective(local);
  if (!effective.settings) {
    findings.fail("settings", effective.error, "livehub --help, livehub config");
    return say(findings, invocation);
  }
  const server::Settings& settings = *effective.settings;
  judge_machine(read_machine(), settings, findings);
  judge_settings(settings, findings);
  check_drain(settings, local, kill, findings);
  judge_machines(settings, invocation.text("--name-server"), findings);
  judge_peers(settings, seconds, findings);
  return say(findings, invocation);
}

constexpr std::array kOptions = {
    Option{.name = "--json", .help = "As one JSON object."},
    Option{.name = "--strict", .help = "Warnings count as errors."},
    Option{.name = "--profile", .value = "NAME", .help = "As for serve."},
    Option{.name = "--fly",
           .value = "FILE",
           .help = "Look at this fly.toml as well: ports, checks, drain against kill_timeout."},
    Option{.name = "--kill-timeout",
           .value = "SECONDS",
           .help = "How long your platform waits between the signal and the end."},
    Option{.name = "--timeout", .value = "SECONDS", .help = "For each broker [5]."},
    Option{.name = "--name-server",
           .value = "ADDRESS:PORT",
           .help = "Ask this name server how many Machines there are."},
    Option{
        .name = "--url",
        .value = "URL",
        .help = "Check a running deployment instead: health, TLS, CORS, connect, push, receive."},
    Option{.name = "--origin",
           .value = "ORIGIN",
           .help = "With --url: a page of this origin must be let in."},
    Option{.name = "--no-push", .help = "With --url: only connect."},
    Option{.name = "--insecure", .help = "With --url: do not check the TLS certificate."},
};

constexpr std::string_view kAbout = R"(
Looks at this machine and at the settings that serve would have (flags, environment, file), and says
what to change. With --url it checks a deployment from outside; of profile live-data it pushes one
message, {"type":"livehub.check",...}, which every connected client gets, and reads it back over SSE
and WebSocket. The push token comes from LIVE_PUSH_TOKEN or LIVE_PUSH_TOKEN_FILE.

Examples
  livehub check --config /etc/livehub.toml
  livehub check --fly fly.toml
  livehub check --url https://hub.example --profile live-data --origin https://app.example

Exit codes: 0 nothing is wrong; 1 something is; 2 not understood
)";

}  // namespace

const Command kCheck = {.name = "check",
                        .summary = "Look for what is wrong: machine, settings, a deployment.",
                        .about = kAbout,
                        .options = kOptions,
                        .takes_settings = true,
                        .run = run_check};

}  // namespace livehub::tool
