#include "profile/chat_health.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "profile/chat_messages.h"

namespace livehub::profile {
namespace {

using Ordered = nlohmann::ordered_json;

// The first eight characters, as the original shows a room to those who may not know its name.
std::string shortened(std::string_view chat_id) {
  size_t bytes = 0;
  for (int count = 0; bytes < chat_id.size(); ++bytes) {
    const bool is_first = (static_cast<unsigned char>(chat_id[bytes]) & 0xc0) != 0x80;
    if (is_first && ++count > 8) break;
  }
  return std::string(chat_id.substr(0, bytes)) + "...";
}

// The number behind `name` in a file of lines "name  number kB"; without a name the file's first.
uint64_t number_in(const char* path, std::string_view name) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "re"), &std::fclose);
  std::array<char, 4096> bytes;
  if (!file) return 0;
  const size_t size = std::fread(bytes.data(), 1, bytes.size(), file.get());
  std::string_view text(bytes.data(), size);
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string health_body(const ChatHealth& health) {
  Ordered rooms = Ordered::array();
  for (const auto& [room, count] : health.census.rooms)
    rooms.push_back({{"chatId", shortened(room)}, {"count", count}});
  const uint64_t percentage =
      health.memory_total == 0
          ? 0
          : (health.memory_used * 100 + health.memory_total / 2) / health.memory_total;
  const Ordered body = {
      {"status", health.is_degraded ? "degraded" : "healthy"},
      {"uptime", health.uptime_seconds},
      {"connections", {{"total", health.census.clients}, {"byChat", std::move(rooms)}}},
      {"memory",
       {{"used", health.memory_used}, {"total", health.memory_total}, {"percentage", percentage}}},
      {"timestamp", iso_time(health.unix_ms)}};
  return body.dump(2, ' ', false, Ordered::error_handler_t::replace);
}

uint64_t resident_bytes() { return number_in("/proc/self/status", "VmRSS:") * 1024; }

uint64_t allowed_bytes() {
  const uint64_t machine = number_in("/proc/meminfo", "MemTotal:") * 1024;
  const uint64_t group = number_in("/sys/fs/cgroup/memory.max", "");
  return group != 0 && group < machine ? group : machine;
}

}  // namespace livehub::profile
