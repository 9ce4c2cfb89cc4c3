#include "tool/check_machine.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "io/io.h"
#include "server/machine.h"

namespace livehub::tool {
namespace {

// As the engine has them (server/engine.cc); a test compares what comes out.
constexpr uint64_t kDescriptorsForOurselves = 64;
constexpr uint64_t kSocketsPerShardMost = 1 << 20;

constexpr uint64_t kBacklogWanted = 4096;
constexpr uint64_t kKernelBytesPerSocket = 4200;  // measured: 3.83 KB idle, more with epoll
constexpr uint64_t kTcpBytesWanted = 64 << 20;
constexpr uint64_t kConnectionsFew = 10'000;

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool has_ipv6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

std::string number(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

uint32_t shards_of(const MachineFacts& facts, const EngineOptions& engine) {
  return std::max<uint32_t>(1, engine.shards > 0 ? engine.shards : facts.cores);
}

void judge_io(const MachineFacts& facts, const EngineOptions& engine, Findings& findings) {
  findings.ok("kernel", facts.kernel);
  if (engine.io == "epoll")
    findings.ok("io_uring", "not used, as LIVEHUB_IO=epoll says");
  else if (facts.has_uring)
    findings.ok("io_uring", facts.uring_why);
  else if (engine.io == "uring")
    findings.fail("io_uring", "LIVEHUB_IO=uring, but " + facts.uring_why,
                  "set LIVEHUB_IO=auto, or allow io_uring (kernel.io_uring_disabled, seccomp)");
  else
    findings.note("io_uring", "epoll will be used: " + facts.uring_why,
                  "nothing has to change; docs/DEPLOY.md says how a container may have io_uring");
}

void judge_descriptors(const MachineFacts& facts, const EngineOptions& engine, Findings& findings) {
  const uint64_t room = connection_room(facts, engine);
  const std::string text = number(facts.descriptors) + " descriptors, " +
                           std::to_string(shards_of(facts, engine)) + " shards: room for " +
                           number(room) + " connections";
  if (room < kConnectionsFew)
    findings.warn("descriptors", text,
                  "raise the hard limit: LimitNOFILE= (systemd), --ulimit nofile= (Docker)");
  else
    findings.ok("descriptors", text);
}

void judge_kernel_limits(const MachineFacts& facts, Findings& findings) {
  if (facts.somaxconn < kBacklogWanted)
    findings.warn("somaxconn", number(facts.somaxconn) + " connections may wait to be accepted",
                  "sysctl net.core.somaxconn=4096, for crowds that come back at once");
  else
    findings.ok("somaxconn", number(facts.somaxconn));
  if (facts.tcp_memory_bytes == 0) return;
  const std::string text = "TCP buffers may take " + bytes_text(facts.tcp_memory_bytes);
  if (facts.tcp_memory_bytes < kTcpBytesWanted)
    findings.warn("tcp_mem", text, "raise net.ipv4.tcp_mem: beyond it the kernel drops packets");
  else
    findings.ok("tcp_mem", text);
  if (!facts.has_ipv6)
    findings.note("IPv6", "the kernel has none: it will listen on 0.0.0.0 only",
                  "on Fly the private network needs IPv6");
}

void judge_cores(const MachineFacts& facts, const EngineOptions& engine, Findings& findings) {
  const uint32_t shards = shards_of(facts, engine);
  std::ostringstream text;
  text << facts.cores << " cores";
  if (facts.cpu_quota > 0) text << " (quota " << facts.cpu_quota << ")";
  text << ", " << shards << " shards";
  if (facts.cpu_quota > 0 && facts.cpu_quota < 1)
    findings.warn("CPU", text.str(), "a quota below 1 freezes the loop for a part of each period");
  else if (shards > 4 * facts.cores)
    findings.note("CPU", text.str(), "many more shards than cores only help to hold connections");
  else
    findings.ok("CPU", text.str());
}

void judge_memory(const MachineFacts& facts, const EngineOptions& engine, Findings& findings) {
  const uint64_t budget = engine.memory_bytes > 0 ? engine.memory_bytes : facts.memory_bytes / 2;
  const std::string text =
      bytes_text(budget) + " of " + bytes_text(facts.memory_bytes) + " for messages and clients";
  if (budget >= facts.memory_bytes)
    return findings.fail("memory", text, "lower MEMORY_BYTES: the kernel needs memory as well");
  const uint64_t fit = (facts.memory_bytes - budget) / kKernelBytesPerSocket;
  if (fit < std::min<uint64_t>(connection_room(facts, engine), kConnectionsFew))
    return findings.warn("memory", text + "; what is left holds " + number(fit) + " sockets",
                         "lower MEMORY_BYTES, or take a larger machine");
  findings.ok("memory", text + "; what is left holds " + number(fit) + " sockets");
}

}  // namespace

MachineFacts read_machine() {
  MachineFacts facts;
  utsname name{};
  ::uname(&name);
  facts.kernel = std::string(name.sysname) + " " + name.release;
  const io::UringProbe probe = io::probe_uring();
  facts.has_uring = probe.usable;
  facts.has_direct_descriptors = probe.direct_descriptors;
  facts.uring_why = probe.why;
  facts.descriptors = server::raise_descriptor_limit();
  std::istringstream(first_line("/proc/sys/net/core/somaxconn")) >> facts.somaxconn;
  std::istringstream tcp(first_line("/proc/sys/net/ipv4/tcp_mem"));
  std::array<uint64_t, 3> pages{};
  for (uint64_t& page : pages) tcp >> page;
  facts.tcp_memory_bytes = pages[2] * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  facts.cores = server::usable_cores();
  facts.cpu_quota = server::parse_cpu_max(first_line("/sys/fs/cgroup/cpu.max"));
  facts.memory_bytes = server::machine_memory_bytes();
  facts.has_ipv6 = has_ipv6();
  return facts;
}

uint64_t connection_room(const MachineFacts& facts, const EngineOptions& engine) {
  const uint64_t shards = shards_of(facts, engine);
  const uint64_t ours = kDescriptorsForOurselves + 4 * shards;
  const uint64_t usable = facts.descriptors > ours + shards ? facts.descriptors - ours : shards;
  const bool is_direct = engine.io != "epoll" && facts.has_uring && facts.has_direct_descriptors;
  uint64_t each = is_direct ? facts.descriptors : usable / shards;
  each = std::min(each, kSocketsPerShardMost);
  if (engine.sockets_per_shard_max > 0)
    each = std::min<uint64_t>(each, engine.sockets_per_shard_max);
  return each * shards;
}

void judge_machine(const MachineFacts& facts, const server::Settings& settings,
                   Findings& findings) {
  judge_io(facts, settings.engine, findings);
  judge_descriptors(facts, settings.engine, findings);
  judge_kernel_limits(facts, findings);
  judge_cores(facts, settings.engine, findings);
  judge_memory(facts, settings.engine, findings);
}

void judge_drain(double drain_seconds, double kill_seconds, const std::string& platform,
                 Findings& findings) {
  std::ostringstream text;
  text << "DRAIN_SECONDS is " << drain_seconds << ", " << platform << " waits " << kill_seconds
       << " s before it kills";
  if (kill_seconds <= drain_seconds)
    findings.fail("drain", text.str(), "raise kill_timeout, or lower DRAIN_SECONDS");
  else if (kill_seconds < drain_seconds + 2)
    findings.warn("drain", text.str(), "leave two seconds between them for closes under way");
  else
    findings.ok("drain", text.str());
}

}  // namespace livehub::tool
