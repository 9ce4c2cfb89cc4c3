#include "server/serve.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/out_of_memory.h"
#include "profile/profiles.h"
#include "server/admin.h"
#include "server/engine_state.h"
#include "server/machine_count.h"
#include "server/reload.h"

namespace livehub::server {
namespace {

using base::log_error;
using base::log_info;
using base::log_warn;

EngineOptions admin_options(const Settings& settings, std::string host, uint16_t port) {
  EngineOptions options;
  options.port = port;
  options.host = std::move(host);
  options.shards = 1;
  options.io = "epoll";
  options.sockets_per_shard_max = 256;
  options.ring_bytes = options.arena_bytes = 256 << 10;
  options.history_count = 0;
  options.drain_seconds = 0;
  options.public_ready = false;
  options.canary_ms = 0;  // the hub's own are the ones that count
  options.memory_bytes = 16 << 20;
  options.is_on_fly = settings.engine.is_on_fly;
  return options;
}

// The admin listener: one engine for each address; by default both loopbacks, on one port.
struct AdminListeners {
  std::vector<std::unique_ptr<Engine>> engines;
  std::string error;
  uint16_t port = 0;

  void open(const Settings& settings, Engine& hub, std::shared_ptr<const AdminToken> token) {
    if (!settings.admin_port) return;
    std::vector<std::string> hosts = {settings.admin_host};
    if (settings.admin_host.empty()) hosts = {"127.0.0.1", "::1"};
    port = settings.admin_is_auto ? 0 : *settings.admin_port;
    AdminOptions options{std::move(token), settings.profile, ""};
    if (!settings.fly_app.empty()) options.hub_url = "https://" + settings.fly_app + ".fly.dev";
    const ProfileFactory factory = make_admin(hub, options);
    for (const std::string& host : hosts) {
      auto engine = std::make_unique<Engine>(admin_options(settings, host, port), factory);
      const std::string failure = engine->start();
      if (!failure.empty()) {
        if (!engines.empty() && host == "::1") return;  // no IPv6 here: one loopback will do
        error = "admin listener (ADMIN_PORT): " + failure;
        return;
      }
      port = engine->port();
      engines.push_back(std::move(engine));
    }
  }
  void close() {
    for (auto& engine : engines) engine->stop();
    for (auto& engine : engines) engine->join();
  }
};

std::string capacity_line(Engine& hub) {
  const uint64_t each = hub.state().sockets_per_shard();
  return std::to_string(hub.shards()) + " shards, room for " + std::to_string(each * hub.shards()) +
         " connections; " + hub.io_sentence();
}

// Waits for signals until the hub has ended: the first drains, the second ends at once; SIGHUP
// reloads. `joiner` raises SIGUSR1 then; from anybody else it means nothing here.
void wait_for_end(Engine& hub, const sigset_t& signals, Reloader& reloader,
                  const std::atomic<bool>& has_ended, std::thread joiner) {
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGUSR1) {
      if (has_ended.load(std::memory_order_acquire)) break;
      continue;
    }
    if (signal == SIGHUP) {
      reloader.run();
      continue;
    }
    log_info(std::string("signal ") + (signal == SIGINT ? "SIGINT" : "SIGTERM") + ": draining");
    hub.stop();
  }
  joiner.join();
}

// Waits for the hub's shards; started before anybody is told that we listen, or not at all.
// `has_ended`: release here, acquire in wait_for_end().
std::thread start_joiner(Engine& hub, std::atomic<bool>& has_ended) {
  const pthread_t main_thread = pthread_self();
  try {
    return std::thread([&hub, &has_ended, main_thread] {
      hub.join();
      has_ended.store(true, std::memory_order_release);
      pthread_kill(main_thread, SIGUSR1);
    });
  } catch (const std::system_error& failure) {
    std::fprintf(stderr, "livehub: a thread could not be started: %s\n", failure.what());
    return {};
  }
}

}  // namespace

void prepare_process() { base::end_where_memory_is_out(); }

int serve(const Settings& settings, const std::function<SettingsResult()>& read_again) {
  base::set_log_format(settings.log_format == "json"   ? base::LogFormat::kJson
                       : settings.log_format == "text" ? base::LogFormat::kText
                                                       : base::LogFormat::kAuto);
  base::set_log_level(settings.log_level);
  const profile::ProfileChoice choice =
      profile::find_profile(settings.profile)->make(settings.profile_settings);
  if (!choice.factory) {
    std::fprintf(stderr, "livehub: %s\n", choice.error.c_str());
    return 1;
  }
  for (const std::string& warning : settings.warnings) log_warn(warning);
  for (const std::string& warning : choice.warnings)
    settings.engine.is_on_fly ? log_error(warning) : log_warn(warning);
  std::string unused;
  for (const std::string& name : settings.without_effect)
    unused += (unused.empty() ? "" : ", ") + name;
  if (!unused.empty()) log_info("set, but without effect here: " + unused);

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  std::vector<std::shared_ptr<Source>> sources = choice.sources;
  if (sources.empty() && !settings.fly_app.empty())
    sources.push_back(std::make_shared<MachineWatch>(
        settings.fly_app, [](const std::string& host) { return count_addresses(host); }));
  Engine hub(settings.engine, choice.factory, sources);
  if (const std::string error = hub.start(); !error.empty()) {
    std::fprintf(stderr, "livehub: %s\n", error.c_str());
    return 1;
  }
  if (!hub.state().has_ipv6()) log_info("there is no IPv6 here: listening on 0.0.0.0 only");
  AdminListeners admin;
  const auto admin_token = std::make_shared<AdminToken>(settings.admin_token);
  admin.open(settings, hub, admin_token);
  if (!admin.error.empty()) {
    std::fprintf(stderr, "livehub: %s\n", admin.error.c_str());
    return 1;
  }
  std::atomic<bool> has_ended = false;
  std::thread joiner = start_joiner(hub, has_ended);
  if (!joiner.joinable()) return 1;
  log_info("profile " + settings.profile + ": " + capacity_line(hub));
  std::printf("livehub listening port=%u admin=%s\n", hub.port(),
              admin.engines.empty() ? "off" : std::to_string(admin.port).c_str());
  std::fflush(stdout);
  Reloader reloader(settings, read_again, choice.reload, admin_token);
  wait_for_end(hub, signals, reloader, has_ended, std::move(joiner));
  admin.close();
  log_info("ended");
  return 0;
}

}  // namespace livehub::server
