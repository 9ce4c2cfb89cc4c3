// The doctor's look at a fly.toml.
#include <toml++/toml.h>

#include <algorithm>

#include "tool/check_machine.h"
#include "tool/check_settings.h"
#include "tool/effective.h"

namespace livehub::tool {
namespace {

constexpr double kKillSecondsDefault = 5;
constexpr double kKillSecondsMost = 300;
constexpr int64_t kSoftLimitDefault = 20;

// 60, or "60s", "5m".
std::optional<double> seconds_of(const toml::node_view<toml::node>& node) {
  if (const auto number = node.value<double>()) return number;
  const auto text = node.value<std::string>();
  if (!text || text->empty()) return std::nullopt;
  const double number = std::strtod(text->c_str(), nullptr);
  if (text->ends_with("ms")) return number / 1000;
  return text->back() == 'm' ? number * 60 : number;
}

void judge_ports(toml::table& file, const server::Settings& settings, Findings& findings) {
  const auto internal = file["http_service"]["internal_port"].value<int64_t>();
  if (!internal)
    findings.warn("fly.toml", "[http_service] has no internal_port",
                  "set it to PORT, " + std::to_string(settings.engine.port));
  else if (*internal != settings.engine.port)
    findings.fail("fly.toml",
                  "internal_port is " + std::to_string(*internal) + ", PORT is " +
                      std::to_string(settings.engine.port),
                  "make them equal");
  const toml::array* metrics = file["metrics"].as_array();
  for (size_t i = 0; metrics != nullptr && i < metrics->size(); ++i) {
    const auto port = file["metrics"][i]["port"].value<int64_t>();
    if (port && settings.admin_port && *port != *settings.admin_port)
      findings.fail("fly.toml", "[[metrics]] asks port " + std::to_string(*port),
                    "set it to ADMIN_PORT, " + std::to_string(*settings.admin_port));
  }
}

void judge_service(toml::table& file, const server::Settings& settings, Findings& findings) {
  const auto service = file["http_service"];
  const auto stops = service["auto_stop_machines"];
  if (stops.value<bool>().value_or(false) ||
      (stops.is_string() && stops.value<std::string>() != "off"))
    findings.fail("fly.toml", "auto_stop_machines stops a Machine that looks idle, and its clients",
                  "set auto_stop_machines = \"off\"");
  const auto soft = service["concurrency"]["soft_limit"].value<int64_t>();
  const auto kind = service["concurrency"]["type"].value<std::string>();
  if (kind != "connections" || soft.value_or(kSoftLimitDefault) < 1000)
    findings.warn("fly.toml", "the proxy takes few connections (its default is 20 requests)",
                  "[http_service.concurrency] type = \"connections\", soft_limit = 40000");
  if (soft)
    judge_users(settings, *soft, "soft_limit lets in " + std::to_string(*soft) + " users",
                findings);
  const toml::array* checks = service["checks"].as_array();
  bool asks_locally = false;
  for (size_t i = 0; checks != nullptr && i < checks->size(); ++i)
    asks_locally |= service["checks"][i]["path"].value<std::string>().value_or("").ends_with(
        "/_livehub/ready?local=1");
  if (!asks_locally)
    findings.warn("fly.toml", "no check asks whether this process can serve",
                  "[[http_service.checks]] path = \"/_livehub/ready?local=1\"");
}

}  // namespace

void judge_fly_file(const std::string& path, const Invocation& invocation, Findings& findings) {
  toml::table file;
  // toml++ tells of bad syntax with an exception.
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    return findings.fail("fly.toml", path + ": " + std::string(error.description()),
                         "correct it, or give --fly the right path");
  }
  Environment environment = *invocation.environment;
  if (const toml::table* variables = file["env"].as_table())
    for (const auto& [name, value] : *variables)
      environment[std::string(name.str())] = value.value<std::string>().value_or("");
  Invocation deployed = invocation;
  deployed.environment = &environment;
  const Effective effective = load_effective(deployed);
  if (!effective.settings)
    return findings.fail("fly.toml", effective.error, "correct [env] of " + path);
  const size_t before = findings.list().size();
  const double kill = seconds_of(file["kill_timeout"]).value_or(kKillSecondsDefault);
  judge_drain(effective.settings->engine.drain_seconds, std::min(kill, kKillSecondsMost), path,
              findings);
  judge_ports(file, *effective.settings, findings);
  judge_service(file, *effective.settings, findings);
  if (findings.list().size() == before + 1)
    findings.ok("fly.toml", "ports, checks and limits fit the settings");
}

}  // namespace livehub::tool
