#include "engine.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/check.h"

namespace livehub::sim {
namespace {

constexpr int kAddresses = 250;  // as SimDriver::peer_address() gives them

const io::SimKernel* inlet_kernel = nullptr;  // of the one engine that there is
int64_t inlet_clock() { return inlet_kernel->now_ns(); }

}  // namespace

SimEngine::SimEngine(io::SimKernel& kernel, const EngineSetup& setup, const ProfileFactory& factory,
                     std::shared_ptr<Source> source)
    : kernel_(kernel),
      shared_(setup.options, setup.shards, setup.memory_bytes, setup.lanes,
              source ? std::vector{source} : std::vector<std::shared_ptr<Source>>()) {
  inlet_kernel = &kernel;
  shared_.identity.epoch = kernel.random.next();
  shared_.identity.hash_key = {kernel.random.next(), kernel.random.next()};
  shared_.identity.shard_count = static_cast<hub::ShardId>(setup.shards);
  shared_.limits = setup.limits;
  // Refuses nobody: it is here to be counted.
  shared_.address_limits = std::make_unique<session::AddressLimits>(
      session::AddressLimits::Rules{.open_max = 1 << 20}, kAddresses, base::HashKey{1, 2});
  shared_.post = [this](uint32_t shard, std::function<void()> work) {
    shards_[shard].tasks->post(std::move(work));
  };
  if (source) feed_ = std::make_unique<session::SourceFeed>(*source, 0);
  if (source) shared_.identity.feeds.push_back(feed_.get());
  shared_.canaries = std::make_unique<session::Canaries>(setup.shards, std::vector<std::string>(),
                                                         session::CanaryTimes(), kernel.now_ns());
  shards_.resize(setup.shards);
  for (uint32_t id = 0; id < setup.shards; ++id) {
    Shard& shard = shards_[id];
    shard.driver = std::make_unique<io::SimDriver>(kernel, id, setup.io);
    shard.tasks = std::make_unique<shard::TaskBox>(shared_.doors, id);
    shard.front = std::make_unique<session::Front>(id, shared_, *shard.driver, factory);
    shard.loop = std::make_unique<shard::Loop>(id, *shard.driver, *shard.front, *shard.front,
                                               shared_.doors, *shard.tasks);
    shared_.doors.open(id, shard.driver.get());
    shard.driver->listen(static_cast<int>(setup.backlog));
  }
  if (!source) return;
  inlet_ = std::make_unique<session::ShardInlet>(shared_, 0, inlet_clock);
  LIVEHUB_CHECK(source->start(*inlet_).empty(), "a source of the simulation starts");
}

SimEngine::~SimEngine() {
  for (const auto& source : shared_.sources) source->stop();
  for (uint32_t id = 0; id < shards(); ++id) shared_.doors.close(id);
  for (Shard& shard : shards_) shard.front.reset();
}

bool SimEngine::is_runnable(uint32_t id) {
  Shard& shard = shards_[id];
  if (shard.is_finished) return false;
  return !shard.is_asleep || shard.driver->is_roused() ||
         kernel_.now_ns() >= shard.driver->sleeping_until_ns();
}

bool SimEngine::is_all_finished() const {
  return std::all_of(shards_.begin(), shards_.end(), [](const Shard& s) { return s.is_finished; });
}

int64_t SimEngine::first_due_ns() const {
  int64_t due_ns = std::numeric_limits<int64_t>::max();
  for (const Shard& shard : shards_)
    if (!shard.is_finished && shard.is_asleep)
      due_ns = std::min(due_ns, shard.driver->sleeping_until_ns());
  return due_ns;
}

void SimEngine::turn(uint32_t id) {
  Shard& shard = shards_[id];
  shard.is_asleep = false;
  shard.is_finished = !shard.loop->turn();
  kernel_.log("turn", id, shard.is_finished, shard.front->connections());
  if (shard.is_finished || shard.driver->sleeping_until_ns() == 0) return;
  if (shard.front->hub().fanout().has_work()) return;
  // The next turn begins by falling asleep: from here on it has to be woken.
  shared_.doors.fall_asleep(id);
  shard.is_asleep = !shard.front->has_mail() && !shard.tasks->has_tasks();
}

bool SimEngine::inlet_has_room(std::string_view channel) {
  const hub::ShardId owner = shared_.identity.owner_of(shared_.identity.hash(channel));
  return shared_.requests.has_room(shards(), owner);
}

void SimEngine::begin_drain() {
  shared_.is_draining.store(true);
  for (Shard& shard : shards_) shard.tasks->post([&shard] { shard.front->begin_drain(); });
}

void SimEngine::check_invariants() const {
  for (const Shard& shard : shards_) shard.front->check_invariants();
  if (connections() > 0) return;
  for (int i = 1; i <= kAddresses; ++i)
    LIVEHUB_CHECK(
        shared_.address_limits->open_of(*auth::parse_ip("192.0.2." + std::to_string(i))) == 0,
        "nobody is there, so no address has a connection open");
}

std::string SimEngine::late_canary() const {
  const std::vector<std::string> wrong = shared_.canaries->wrong(false, kernel_.now_ns());
  return wrong.empty() ? "" : wrong.front();
}

uint32_t SimEngine::connections() const {
  uint32_t count = 0;
  for (const Shard& shard : shards_) count += shard.front->connections();
  return count;
}

int64_t SimEngine::held_bytes() const {
  int64_t bytes = 0;
  for (const Shard& shard : shards_) bytes += shard.front->account().held();
  return bytes;
}

uint64_t SimEngine::turns() const {
  uint64_t turns = 0;
  for (const Shard& shard : shards_) turns += shard.loop->counters().turns;
  return turns;
}

}  // namespace livehub::sim
