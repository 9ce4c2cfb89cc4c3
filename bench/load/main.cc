// livehub-bench: loads any server of SSE or WebSocket streams and says what it costs.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <ctime>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "load/html_report.h"
#include "load/payload.h"
#include "load/plot.h"
#include "load/scenarios.h"

namespace {

using livehub::bench::Options;
using livehub::bench::Report;
using Scenario = void (*)(const Options&, Report&);

struct Command {
  const char* name;
  const char* what;
  Scenario run;
  CLI::App* app = nullptr;
};

// A run never outlives this, whatever hangs: the alarm ends this process, and its children end with
// it.
unsigned g_seconds_max = 900;

void add_common(CLI::App& app, Options& options) {
  app.add_option("--processes", options.processes, "client processes (0: as needed)");
  app.add_option("--pause-us", options.pause_us, "rest of a client process after each turn");
  app.add_flag("--pin", options.pin, "server and generator on CPUs of their own");
  app.add_option("--connect-rate", options.connects_per_second,
                 "connections per second (0: no limit)");
  app.add_option("--in-flight", options.in_flight,
                 "connections on their way at a time (storm: all of them)");
  app.add_option("--open-seconds", options.open_seconds_max, "time to open all connections in");
  app.add_option("--bytes", options.payload_bytes, "size of a message, from 16")
      ->check(CLI::Range(livehub::bench::kShortPayloadBytes, size_t{1} << 30));
  app.add_option(
      "--rate", options.rate_per_second,
      "messages per second, of all together (inbound: 0: each client when its reply has come)");
  app.add_option("--quiet-seconds", options.quiet_seconds_max,
                 "how long to wait for a missing message");
  app.add_option("--token", options.token, "bearer token for pushes");
  app.add_option("--header", options.headers, "\"Name: value\", sent with every request");
  app.add_option("--source", options.sources, "local addresses to connect from");
  app.add_option("--seconds-max", g_seconds_max, "the run ends itself after this");
  app.add_option("--json", options.json_file,
                 "write one JSON object to this file; -: to stdout, in the place of the table");
  app.add_option("--html", options.html_file, "write a page with plots to this file");
  app.add_option("-n,--connections", options.connections, "connections (floor: to each target)");
}

void add_server(CLI::App& app, Options& options) {
  app.add_option("url", options.urls, "ws://host:port/path or http://host:port/path, one or more")
      ->required();
  app.add_option("--push", options.push_url, "where to send messages to");
  app.add_option("--push-method", options.push_method, "method of a push");
  app.add_option("--push-body", options.push_body,
                 "body of a push: {payload}, {payload_string} (as a JSON string), {channel}");
  app.add_option("--first-message", options.first_message,
                 "WebSocket: sent once open, to subscribe say; {channel}");
  app.add_option("--server-pid", options.server_pid, "measures this process's CPU and memory");
  app.add_option("--publishers", options.publishers, "publishing connections, up to 256");
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before the measurement");
}

void add_scenario_options(CLI::App& app, Options& options) {
  const std::string name = app.get_name();
  add_common(app, options);
  if (name != "floor") add_server(app, options);
  if (name == "connect") app.add_option("--rounds", options.rounds, "the median of so many rounds");
  if (name == "idle" || name == "slow" || name == "reach")
    app.add_option("--messages", options.messages, "messages in all");
  if (name != "connect" && name != "idle" && name != "slow" && name != "storm" && name != "reach") {
    app.add_option("--seconds", options.seconds, "length of the measurement (floor: of each turn)");
  }
  if (name == "idle") {
    app.add_option("--idle-seconds", options.idle_seconds,
                   "how long to be idle before memory is read");
    app.add_flag(
        "--bare", options.compares_bare,
        "as many sockets of a bare epoll server (one process) first, for the kernel's memory");
    app.add_option("--ping-seconds", options.ping_seconds_max,
                   "wait for a heartbeat of each (0: do not)");
  }
  if (name == "saturate") {
    app.add_option("--window", options.window,
                   "messages that readers may be behind (0: any number)");
  }
  if (name == "rooms" || name == "idle")
    app.add_option("--rooms", options.rooms, "channels, where the URL says {channel}");
  if (name == "rooms") {
    app.add_option("--room-size", options.room_size, "subscribers of each");
    app.add_flag("!--no-one-channel", options.compares_one_channel,
                 "leave out the same deliveries over one channel");
  }
  if (name == "storm") app.add_option("--cuts", options.cuts, "how often all are cut off");
  if (name == "mixed") app.add_option("--visitors", options.visitors, "that come and go meanwhile");
  if (name == "slow" || name == "mixed")
    app.add_option("--never-read-every", options.never_read_every, "one client in so many");
  if (name == "floor") {
    app.add_option("--target", options.targets,
                   "name,subscribe URL,push URL,pid: a server to compare");
    app.add_option("--over", options.over, "a target that the others are compared with as well");
    app.add_option("--pairs", options.pairs, "turns of each");
    app.add_option("--kind", options.kind,
                   "what is compared: delivery (paced), connect (accepted connections), saturate "
                   "(as fast as it goes, over sends as large), heartbeats (of idle connections, "
                   "every --seconds), burst (with the clients stopped, over the first target)")
        ->check(CLI::IsMember({"delivery", "connect", "saturate", "heartbeats", "burst"}));
    app.add_option("--publishers", options.publishers, "saturate: publishing connections");
    app.add_option("--window", options.window, "saturate: messages that readers may be behind");
    app.add_option("--messages", options.messages, "burst: messages of each");
    app.add_flag("--ipv4-only", options.ipv4_only,
                 "bare loop: sockets of IPv4 instead of dual-stack ones");
  }
}

// What a scenario does unless told otherwise, where it differs from the others.
void set_defaults(const std::string& name, Options& options) {
  if (name == "saturate" || name == "floor") {
    options.publishers = 64;
    options.window = 2 * options.publishers;
  }
  if (name == "floor") {
    options.seconds = 2;
    options.messages = 20;
  }
  if (name == "idle") options.rooms = 1;
  if (name == "rooms") {
    options.publishers = 16;
    options.rate_per_second = 1000;
  }
  if (name == "inbound") options.rate_per_second = 1000;
  if (name == "mixed") options.connections = 2000;
  if (name == "storm") {
    options.connections = 10'000;
    options.rate_per_second = 5;
  }
  if (name != "slow") return;
  options.payload_bytes = 250'000;
  options.rate_per_second = 0;  // as fast as answers come
  options.quiet_seconds_max = 30;
}

bool needs_push(const std::string& name) {
  return name != "connect" && name != "idle" && name != "inbound" && name != "floor";
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// When, and on which machine.
std::vector<std::string> about_machine() {
  utsname system{};
  uname(&system);
  const time_t now = time(nullptr);
  tm at{};
  gmtime_r(&now, &at);
  std::array<char, 64> date{};
  std::snprintf(date.data(), date.size(), "%04d-%02d-%02d %02d:%02d UTC", at.tm_year + 1900,
                at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min);
  return {std::string(date.data()) + ", " + system.sysname + " " + system.release + ", " +
          std::to_string(std::thread::hardware_concurrency()) + " CPUs"};
}

// Without what is secret: tokens and headers stay out of reports.
std::string command_line(int argc, char** argv) {
  std::string line = "livehub-bench";
  for (int i = 1; i < argc; ++i) {
    const std::string before = argv[i - 1];
    std::string word = argv[i];
    if (before == "--token" || before == "--header") word = "...";
    if (word.starts_with("--token=") || word.starts_with("--header="))
      word = word.substr(0, word.find('=') + 1) + "...";
    const bool is_plain = word.find_first_of(" \"'{}?&*$") == std::string::npos;
    line += is_plain ? " " + word : " '" + word + "'";
  }
  return line;
}

template <typename Write>
bool write_file(const std::string& path, Write write) {
  std::FILE* const file = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    std::fprintf(stderr, "livehub-bench: %s cannot be written\n", path.c_str());
    return false;
  }
  write(file);
  if (file != stdout) std::fclose(file);
  return true;
}

bool write_files(const Options& options, const Report& report) {
  bool is_written = true;
  if (!options.json_file.empty()) {
    is_written &= write_file(options.json_file, [&](std::FILE* file) { report.print_json(file); });
  }
  if (!options.html_file.empty()) {
    const std::string page = livehub::bench::html_of(report);
    is_written &= write_file(options.html_file, [&](std::FILE* file) {
      std::fwrite(page.data(), 1, page.size(), file);
    });
  }
  return is_written;
}

int run(const Command& command, const Options& options, const std::string& line) {
  if (needs_push(command.name) && options.push_url.empty()) {
    std::fprintf(stderr, "livehub-bench: %s needs --push\n", command.name);
    return 2;
  }
  raise_descriptor_limit();
  signal(SIGPIPE, SIG_IGN);
  alarm(g_seconds_max);
  Report report(command.name);
  report.set_about(about_machine(), line);
  command.run(options, report);
  livehub::bench::show_progress("");
  if (options.json_file != "-") report.print_table(stdout);
  const bool is_written = write_files(options, report);
  return report.has_failed() ? 1 : is_written ? 0 : 2;
}

Command g_commands[] = {
    {"connect", "how fast connections are accepted and what one costs",
     livehub::bench::run_connect},
    {"idle", "memory of connections that have nothing to do", livehub::bench::run_idle},
    {"broadcast", "one channel at a steady rate: latency and cost of a delivery",
     livehub::bench::run_broadcast},
    {"saturate", "one channel as fast as it goes", livehub::bench::run_saturate},
    {"slow", "a share of the clients never reads", livehub::bench::run_slow},
    {"reach", "one message at a time, until everybody has it", livehub::bench::run_reach},
    {"rooms", "many channels: what a delivery costs in each", livehub::bench::run_rooms},
    {"inbound", "clients send, each message comes back", livehub::bench::run_inbound},
    {"storm", "all are cut off at once and come back where they were", livehub::bench::run_storm},
    {"mixed", "readers, clients that never read, and visitors, at once", livehub::bench::run_mixed},
    {"floor", "a bare loop of send(), and servers as multiples of it", livehub::bench::run_floor}};

// From stdin to stdout.
int plot() {
  const std::string svg = livehub::bench::svg_file_of(livehub::bench::read_chart(std::cin));
  if (svg.empty()) throw std::runtime_error("a chart needs a series of two points");
  std::fwrite(svg.data(), 1, svg.size(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Loads a server of SSE or WebSocket streams and says what it costs."};
  app.require_subcommand(1);
  Options options[std::size(g_commands)];
  for (size_t i = 0; i < std::size(g_commands); ++i) {
    g_commands[i].app = app.add_subcommand(g_commands[i].name, g_commands[i].what);
    set_defaults(g_commands[i].name, options[i]);
    add_scenario_options(*g_commands[i].app, options[i]);
  }
  const CLI::App* plotting = app.add_subcommand(
      "plot", "draws a chart from stdin as SVG (load/plot.h says how it is written)");
  CLI11_PARSE(app, argc, argv);
  try {
    if (plotting->parsed()) return plot();
    for (size_t i = 0; i < std::size(g_commands); ++i) {
      if (g_commands[i].app->parsed())
        return run(g_commands[i], options[i], command_line(argc, argv));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "livehub-bench: %s\n", error.what());
    return 2;
  }
  return 2;
}
