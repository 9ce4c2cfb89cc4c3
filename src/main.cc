// livehub: reads the command line and the settings, then serves. The main loop is one hop further:
// server::serve() starts Engine, whose shards each run shard::Loop::run(). The other commands are
// in tool/commands.cc.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "server/command_line.h"
#include "server/serve.h"
#include "server/settings.h"
#include "tool/commands.h"

extern char** environ;

namespace {

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace

int main(int argc, char** argv) {
  using livehub::server::CommandLine;
  livehub::server::prepare_process();
  const auto environment = read_environment();
  if (const auto code = livehub::tool::run_command(argc, argv, environment)) return *code;
  const CommandLine line =
      livehub::server::parse_command_line(argc, argv, livehub::tool::commands_text());
  switch (line.action) {
    case CommandLine::Action::kHelp:
    case CommandLine::Action::kVersion:
      std::fputs(line.text.c_str(), stdout);
      return 0;
    case CommandLine::Action::kError:
      std::fprintf(stderr, "livehub: %s\n", line.text.c_str());
      return livehub::server::kExitUsage;
    case CommandLine::Action::kServe:
      break;
  }
  const auto read = [&] {
    return livehub::server::load_settings(line.flags, environment, line.config_file);
  };
  const auto result = read();
  if (!result.settings) {
    std::fprintf(stderr, "livehub: %s\n", result.error.c_str());
    return livehub::server::kExitRefused;
  }
  return livehub::server::serve(*result.settings, read);
}
