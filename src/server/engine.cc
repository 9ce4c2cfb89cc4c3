// Start, stop and the end of the shards. The order of both is the point: nobody accepts before
// everybody can, and nobody goes away while another may still knock at its door.
#include "livehub/engine.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <new>
#include <system_error>

#include "base/clock.h"
#include "base/out_of_memory.h"
#include "server/engine_state.h"
#include "server/machine.h"
#include "server/metrics.h"
#include "source/thread.h"
#include "wire/ws_handshake.h"

namespace livehub {
namespace {

constexpr uint64_t kDescriptorsForOurselves = 64;

uint64_t random_u64() {
  uint64_t value = 0;
  while (::getrandom(&value, sizeof(value), 0) != sizeof(value)) {
  }
  return value;
}

hub::Limits limits_of(const EngineOptions& options, uint64_t memory_bytes, uint32_t shards) {
  hub::Limits limits;
  limits.ring_bytes = options.ring_bytes;
  limits.arena_bytes = options.arena_bytes;
  // Hot rings together at most a quarter of the budget, but room for one on each shard.
  limits.rings_bytes_max = std::max<size_t>(options.ring_bytes, memory_bytes / 4 / shards);
  limits.blocks_bytes_max = std::max<size_t>(4 << 20, options.message_bytes_max * 2);
  limits.history_count = options.history_count;
  limits.history_bytes = options.history_bytes;
  limits.history_ns = static_cast<int64_t>(options.history_seconds) * 1'000'000'000;
  limits.push_wait_ns = static_cast<int64_t>(options.push_wait_ms) * 1'000'000;
  return limits;
}

// Figures are about clients.
void hide_canary(ShardSnapshot& s, const session::ShardCanary::Hidden& hidden) {
  s.hub.live_messages -= hidden.live_messages;
  s.fanout.appends -= hidden.live_messages;
  s.fanout.frame_bytes -= hidden.bytes;
  s.fanout.deliveries -= hidden.deliveries;
  s.fanout.sends -= hidden.sends;
  s.fanout.sent_bytes -= hidden.bytes;
  s.subscriptions -= hidden.subscriptions;
  s.streams -= hidden.streams;
}

// Runs what the machine may refuse; its refusal as a sentence that stops the start.
template <typename Make>
std::string guarded(const char* what, Make make) {
  try {
    return make();
  } catch (const std::system_error& failure) {
    return std::string(what) + " could not be set up: " + failure.what() +
           " (descriptors: ulimit -n; threads: ulimit -u and the container's limit of processes)";
  } catch (const std::bad_alloc&) {
    return std::string(what) +
           " could not be set up: no memory or descriptors (fewer shards, LIVEHUB_SHARDS, " +
           "and a smaller RING_BYTES need less)";
  }
}

}  // namespace

// --- Engine ---

Engine::Engine(EngineOptions options, ProfileFactory factory,
               std::vector<std::shared_ptr<Source>> sources)
    : state_(std::make_unique<State>(std::move(options), std::move(factory), std::move(sources))) {}
Engine::~Engine() = default;
std::string Engine::start() { return state_->start(); }
uint16_t Engine::port() const { return state_->port(); }
uint32_t Engine::shards() const { return state_->shard_count(); }
std::string Engine::io_sentence() const { return state_->io_sentence(); }
void Engine::stop() { state_->stop(); }
void Engine::join() { state_->join(); }

// --- Engine::State ---

Engine::State::State(EngineOptions options, ProfileFactory factory,
                     std::vector<std::shared_ptr<Source>> sources)
    : options_(std::move(options)), factory_(std::move(factory)), sources_(std::move(sources)) {}

Engine::State::~State() {
  if (is_running_) {
    stop();
    stop();
    join();
  }
  for (const int fd : listeners_.fds) ::close(fd);
}

std::string Engine::State::choose_io() {
  if (options_.io == "epoll") {
    io_sentence_ = "epoll, as asked";
    return {};
  }
  const io::UringProbe probe = io::probe_uring();
  use_uring_ = probe.usable;
  use_direct_ = probe.direct_descriptors;
  io_sentence_ = (probe.usable ? "io_uring: " : "epoll: ") + probe.why;
  if (options_.io == "uring" && !probe.usable)
    return "io_uring was asked for (LIVEHUB_IO) and cannot be used: " + probe.why;
  return {};
}

std::string Engine::State::check_addresses() {
  std::string error;
  if (!options_.trusted_proxies.empty()) {
    std::optional<auth::NetworkList> list =
        auth::NetworkList::parse(options_.trusted_proxies, error);
    if (!list) return "TRUSTED_PROXIES is no list of networks: " + error + ".";
    trusted_proxies_ = std::move(*list);
  }
  return {};
}

// The table is made where there is a limit, and only then.
void Engine::State::make_address_limits() {
  shared_->trusted_proxies = trusted_proxies_;
  const session::AddressLimits::Rules rules{options_.connections_per_ip_max,
                                            options_.connects_per_ip_per_minute,
                                            options_.per_ip_only_counts};
  if (rules.open_max == 0 && rules.rate_per_minute == 0) return;
  const uint64_t sockets = uint64_t{sockets_per_shard_} * shard_count_;
  shared_->address_limits = std::make_unique<session::AddressLimits>(
      rules, static_cast<uint32_t>(std::min<uint64_t>(sockets, UINT32_MAX)),
      base::HashKey{random_u64(), random_u64()});
}

void Engine::State::make_shared() {
  const uint64_t memory =
      options_.memory_bytes ? options_.memory_bytes : server::machine_memory_bytes() / 2;
  shared_ = std::make_unique<session::Shared>(options_, shard_count_, static_cast<int64_t>(memory),
                                              session::Shared::Lanes(), sources_);
  shared_->identity.epoch = random_u64();
  shared_->identity.hash_key = {random_u64(), random_u64()};
  shared_->identity.shard_count = static_cast<hub::ShardId>(shard_count_);
  shared_->limits = limits_of(options_, memory, shard_count_);
  make_address_limits();
  shared_->post = [this](uint32_t shard, std::function<void()> work) {
    shards_[shard].tasks->post(std::move(work));
  };
  shared_->metrics_text = [this](uint32_t shard, std::function<void(std::string)> done) {
    snapshot_then([this, shard,
                   done = std::move(done)](const std::vector<ShardSnapshot>& snapshots) {
      shards_[shard].tasks->post([done, text = server::metrics_text(*this, snapshots)]() mutable {
        done(std::move(text));
      });
    });
  };
  make_canaries();
  for (const auto& source : sources_)
    feeds_.push_back(
        std::make_unique<session::SourceFeed>(*source, static_cast<uint32_t>(feeds_.size())));
  for (const auto& feed : feeds_) shared_->identity.feeds.push_back(feed.get());
}

void Engine::State::make_canaries() {
  if (options_.canary_ms == 0) return;
  std::vector<std::string> names;
  for (const auto& source : sources_) names.emplace_back(source->canary_name());
  const auto ns = [](uint32_t ms) { return int64_t{ms} * 1'000'000; };
  const session::CanaryTimes times{ns(options_.canary_ms), ns(options_.canary_late_ms),
                                   ns(options_.canary_rebuild_ms)};
  shared_->canaries = std::make_unique<session::Canaries>(shard_count_, std::move(names), times,
                                                          base::monotonic_ns());
  canary_watch_ =
      std::make_unique<server::CanaryWatch>(*shared_->canaries, sources_, shared_->is_draining);
}

// Before anybody is accepted; a sentence stops the start.
std::string Engine::State::start_sources() {
  for (const auto& source : sources_) {
    inlets_.push_back(std::make_unique<session::ShardInlet>(
        *shared_, static_cast<uint32_t>(inlets_.size()), base::monotonic_ns));
    ++sources_started_;
    std::string error = guarded("a source", [&] { return source->start(*inlets_.back()); });
    if (!error.empty()) return error;
  }
  return {};
}

// A shard whose thread the machine refuses is stood in for at the barrier, which counts it.
std::string Engine::State::start_shards(std::vector<std::string>& errors) {
  for (uint32_t id = 0; id < shard_count_; ++id)
    shards_[id].tasks = std::make_unique<shard::TaskBox>(shared_->doors, id);
  for (uint32_t id = 0; id < shard_count_; ++id) {
    std::string error = guarded("a shard's thread", [&] {
      shards_[id].thread = std::thread([this, id, &errors] { run_shard(id, errors[id]); });
      return std::string();
    });
    if (error.empty()) continue;
    has_failed_.store(true);
    for (; id < shard_count_; ++id) started_->arrive_and_drop();
    return error;
  }
  return {};
}

void Engine::State::stop_sources() {
  if (shared_) shared_->has_ended.store(true, std::memory_order_release);  // pairs with the inlets
  for (; sources_started_ > 0; --sources_started_) sources_[sources_started_ - 1]->stop();
}

std::vector<LinkState> Engine::State::links() const {
  std::vector<LinkState> all;
  for (const auto& source : sources_)
    for (LinkState& link : source->links()) all.push_back(std::move(link));
  return all;
}

std::string Engine::State::start() {
  // libcrypto sets itself up at its first use, with 2 MB of pages and a millisecond: not in a
  // client's time.
  (void)wire::ws_accept_key("warm");
  const uint64_t descriptors = server::raise_descriptor_limit();
  shard_count_ = options_.shards > 0 ? options_.shards : server::usable_cores();
  shard_count_ = std::min(shard_count_, shard::kShardsMax);
  if (std::string error = choose_io(); !error.empty()) return error;

  const uint64_t ours = kDescriptorsForOurselves + 4 * shard_count_;
  const uint64_t usable = descriptors > ours + shard_count_ ? descriptors - ours : shard_count_;
  // Direct descriptors do not count against the limit, but each ring's table is bounded by it.
  const uint64_t per_shard = use_uring_ && use_direct_ ? descriptors : usable / shard_count_;
  sockets_per_shard_ = static_cast<uint32_t>(std::min<uint64_t>(per_shard, 1 << 20));
  if (options_.sockets_per_shard_max > 0)
    sockets_per_shard_ = std::min(sockets_per_shard_, options_.sockets_per_shard_max);

  if (std::string error = check_addresses(); !error.empty()) return error;
  io::ListenOptions listen;
  listen.port = options_.port;
  listen.host = options_.host;
  listen.listeners = shard_count_;
  listeners_ = io::open_listeners(listen);
  if (!listeners_.error.empty()) return listeners_.error;

  const auto shared = [this] {
    make_shared();
    return std::string();
  };
  if (std::string error = guarded("the hub's tables", shared); !error.empty()) return error;
  return run_all();
}

std::string Engine::State::run_all() {
  started_ = std::make_unique<std::barrier<>>(shard_count_ + 1);
  ended_ = std::make_unique<std::barrier<>>(shard_count_);
  shards_.resize(shard_count_);
  std::vector<std::string> errors(shard_count_);
  is_running_ = true;
  std::string refusal;
  {
    const source::SignalBlock block;
    refusal = start_shards(errors);
    if (refusal.empty()) refusal = start_sources();
    if (refusal.empty() && canary_watch_)
      refusal = guarded("the watch over canaries", [this] {
        canary_watch_->start();
        return std::string();
      });
  }
  if (!refusal.empty()) has_failed_.store(true);
  started_->arrive_and_wait();  // every shard has what it needs, or has failed
  started_->arrive_and_wait();  // every shard has read what the others said
  for (const std::string& error : errors)
    if (refusal.empty()) refusal = error;
  if (!refusal.empty()) join();
  return refusal;
}

// What a shard needs of the machine, made on its own thread.
std::string Engine::State::furnish(uint32_t id, std::unique_ptr<io::Driver>& driver,
                                   std::unique_ptr<session::Front>& front) {
  io::Options io;
  io.sockets_max = sockets_per_shard_;
  io.direct_descriptors = use_direct_;
  std::string why_not;
  driver = use_uring_ ? io::make_uring_driver(io, why_not) : io::make_epoll_driver(io);
  if (!driver) return "a shard's I/O could not be set up: " + why_not;
  front = std::make_unique<session::Front>(id, *shared_, *driver, factory_);
  return {};
}

void Engine::State::run_shard(uint32_t id, std::string& error) {
  Shard& self = shards_[id];
  std::unique_ptr<io::Driver> driver;
  std::unique_ptr<session::Front> front;
  std::unique_ptr<shard::Loop> loop;
  error = guarded("a shard", [&] { return furnish(id, driver, front); });
  if (!error.empty()) has_failed_.store(true);
  started_->arrive_and_wait();
  const bool is_doomed = has_failed_.load();
  if (!is_doomed) {
    loop = std::make_unique<shard::Loop>(id, *driver, *front, *front, shared_->doors, *self.tasks);
    self.front = front.get();
    self.driver = driver.get();
    self.loop = loop.get();
    shared_->doors.open(id, driver.get());
    driver->listen(listeners_.fds[id]);
  }
  started_->arrive_and_wait();
  if (is_doomed) return;
  try {
    loop->run();
  } catch (const std::bad_alloc&) {  // a table that the kernel has no memory for
    base::end_out_of_memory();
  }
  ended_->arrive_and_wait();  // no shard sends mail or knocks any more
  {
    const std::lock_guard guard(mutex_);
    is_running_ = false;
  }
  shared_->doors.close(id);
  front.reset();
}

void Engine::State::stop() {
  const std::lock_guard guard(mutex_);
  if (!is_running_ || !shared_) return;
  shared_->is_draining.store(true, std::memory_order_relaxed);
  const bool is_second = was_stopped_;
  was_stopped_ = true;
  for (Shard& shard : shards_)
    shard.tasks->post(
        [&shard, is_second] { is_second ? shard.front->end_now() : shard.front->begin_drain(); });
}

void Engine::State::join() {
  if (has_joined_) return;
  has_joined_ = true;
  for (Shard& shard : shards_)
    if (shard.thread.joinable()) shard.thread.join();
  if (canary_watch_) canary_watch_->stop();
  stop_sources();
  const std::lock_guard guard(mutex_);
  is_running_ = false;
}

struct Engine::State::Gathered {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<ShardSnapshot> snapshots;
  size_t asked = 0;
  std::function<void(std::vector<ShardSnapshot>)> done;

  void add(ShardSnapshot snapshot) {
    const std::lock_guard guard(mutex);
    snapshots.push_back(std::move(snapshot));
    changed.notify_one();
    if (snapshots.size() == asked && done) done(sorted());
  }
  std::vector<ShardSnapshot> sorted() const {
    std::vector<ShardSnapshot> all = snapshots;
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.shard < b.shard; });
    return all;
  }
};

std::shared_ptr<Engine::State::Gathered> Engine::State::gather(
    std::function<void(std::vector<ShardSnapshot>)> done) {
  auto gathered = std::make_shared<Gathered>();
  gathered->done = std::move(done);
  const std::lock_guard guard(mutex_);
  if (!is_running_) return gathered;
  gathered->asked = shard_count_;
  for (uint32_t id = 0; id < shard_count_; ++id) {
    Shard& shard = shards_[id];
    shard.tasks->post([&shard, id, gathered] {
      gathered->add(shard_snapshot(id, *shard.front, *shard.driver, *shard.loop));
    });
  }
  return gathered;
}

void Engine::State::snapshot_then(std::function<void(std::vector<ShardSnapshot>)> done) {
  (void)gather(std::move(done));
}

std::vector<ShardSnapshot> Engine::State::snapshot() {
  const auto gathered = gather({});
  std::unique_lock lock(gathered->mutex);
  gathered->changed.wait_for(lock, std::chrono::seconds(1),
                             [&] { return gathered->snapshots.size() == gathered->asked; });
  return gathered->sorted();
}

uint32_t Engine::State::on_shards(const ShardWork& work) {
  uint32_t asked = 0;
  for (uint32_t id = 0; id < shard_count_; ++id) asked += on_shard(id, work);
  return asked;
}

bool Engine::State::on_shard(uint32_t id, ShardWork work) {
  const std::lock_guard guard(mutex_);
  if (!is_running_ || id >= shards_.size()) return false;
  Shard& shard = shards_[id];
  shard.tasks->post(
      [&shard, id, work = std::move(work)] { work(id, *shard.front, *shard.driver, *shard.loop); });
  return true;
}

ShardSnapshot Engine::State::shard_snapshot(uint32_t id, const session::Front& front,
                                            const io::Driver& driver, const shard::Loop& loop) {
  ShardSnapshot s;
  s.shard = id;
  s.session = front.counters();
  s.fanout = front.hub().fanout().counters();
  s.hub = front.hub().counters();
  s.owner = front.hub().owner().counters();
  s.loop = loop.counters();
  s.connections = front.connections();
  s.sockets_open = driver.sockets_open();
  s.sockets_max = driver.sockets_max();
  s.channels = front.hub().channels();
  s.owned_channels = front.hub().owner().channels();
  s.streams = front.hub().fanout().streams_live();
  s.hot_streams = front.hub().fanout().hot_streams();
  s.subscriptions = front.hub().fanout().subscriptions_live();
  s.history_bytes = front.hub().owner().history_bytes();
  s.history_messages = front.hub().owner().history_messages();
  s.arena_bytes = front.hub().fanout().arena_used_bytes();
  s.memory_bytes = front.account().held();
  s.rings_bytes = front.hub().fanout().rings_bytes();
  s.rings_used_bytes = front.hub().fanout().rings_used_bytes();
  s.arena_bytes_max = front.hub().fanout().limits().arena_bytes;
  s.delivery = front.insight().delivery;
  s.ended = front.insight().closed.counts();
  hide_canary(s, front.canary().hidden());
  return s;
}

}  // namespace livehub
