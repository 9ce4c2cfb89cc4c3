#include "server/machine_count.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

#include <array>

#include "base/clock.h"
#include "base/log.h"

namespace livehub::server {
namespace {

constexpr int kAnswerBytes = 16'384;  // 500 Machines and more
constexpr int kAttemptSeconds = 1;
constexpr int kAttempts = 2;

uint32_t count_records(const unsigned char* answer, int size) {
  ns_msg message;
  if (ns_initparse(answer, size, &message) != 0) return 0;
  uint32_t found = 0;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_type(record) == ns_t_aaaa) ++found;
  }
  return found;
}

}  // namespace

std::optional<uint32_t> count_addresses(const std::string& host,
                                        const std::optional<sockaddr_in>& server) {
  struct __res_state state {};
  if (res_ninit(&state) != 0) return std::nullopt;
  state.retrans = kAttemptSeconds;
  state.retry = kAttempts;
  if (server) {
    state.nscount = 1;
    state.nsaddr_list[0] = *server;
  }
  std::array<unsigned char, kAnswerBytes> answer{};
  const int size =
      res_nquery(&state, host.c_str(), ns_c_in, ns_t_aaaa, answer.data(), kAnswerBytes);
  const int why = state.res_h_errno;
  res_nclose(&state);
  if (size >= 0) return count_records(answer.data(), std::min(size, kAnswerBytes));
  if (why == HOST_NOT_FOUND || why == NO_DATA) return 0;
  return std::nullopt;
}

std::string machines_host(const std::string& app) { return app + ".internal"; }

std::string machines_problem(uint32_t machines) {
  if (machines <= 1) return {};
  return std::to_string(machines) +
         " Machines run and no broker joins them: each push reaches the clients of one of them "
         "only; "
         "run `fly scale count 1` (and deploy with --ha=false), or give them a broker";
}

MachineWatch::MachineWatch(const std::string& app, Counter counter,
                           std::chrono::milliseconds period)
    : host_(machines_host(app)), counter_(std::move(counter)), period_(period) {}

MachineWatch::~MachineWatch() { MachineWatch::stop(); }

std::string MachineWatch::start(Inlet&) {
  changed_ns_ = base::monotonic_ns();
  thread_ = std::thread([this] { run(); });
  return {};
}

void MachineWatch::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  wakes_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<LinkState> MachineWatch::links() const {
  const uint32_t machines = machines_.load(std::memory_order_relaxed);
  LinkState link;
  link.name = "machines";
  link.problem = machines_problem(machines);
  link.is_up = link.problem.empty();
  const int64_t since_ns = base::monotonic_ns() - changed_ns_.load(std::memory_order_relaxed);
  link.state_seconds = static_cast<double>(since_ns) / 1e9;
  return {link};
}

void MachineWatch::run() {
  for (;;) {
    count();
    std::unique_lock lock(mutex_);
    if (wakes_.wait_for(lock, period_, [this] { return is_stopping_; })) return;
  }
}

// What cannot be counted is left as it was: a name server's trouble is not ours.
void MachineWatch::count() {
  const std::optional<uint32_t> counted = counter_(host_);
  if (!counted) return;
  const uint32_t before = machines_.exchange(*counted, std::memory_order_relaxed);
  if (before == *counted) return;
  changed_ns_.store(base::monotonic_ns(), std::memory_order_relaxed);
  if (const std::string problem = machines_problem(*counted); !problem.empty())
    base::log_error(problem);
  else if (before > 1)
    base::log_info("one Machine runs now: every push reaches every client again");
}

}  // namespace livehub::server
