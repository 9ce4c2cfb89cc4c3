// What only the io_uring driver has: the ring's traps, the probe, fixed memory, limits of direct
// tables.
#include <liburing.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <numeric>
#include <sstream>
#include <thread>

#include "io/uring_probe.h"
#include "io_test_util.h"
#include "refusal_test_util.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

// A kernel that takes fewer entries than it was offered: this program's io_uring_enter2() stands
// before liburing's, and hands on what it is told to.
namespace {

constexpr unsigned kAll = std::numeric_limits<unsigned>::max();
thread_local unsigned taken_at_most = kAll;  // of the next call

}  // namespace

extern "C" int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete,
                               unsigned flags, sigset_t* argument, size_t bytes) {
  const unsigned offered = std::min(to_submit, taken_at_most);
  taken_at_most = kAll;
  const long taken =
      ::syscall(__NR_io_uring_enter, fd, offered, min_complete, flags, argument, bytes);
  return taken < 0 ? -errno : static_cast<int>(taken);
}

namespace livehub::io {

struct UringRingPeek {
  static void set_task_run_flag(UringRing& ring) {
    __atomic_fetch_or(ring.ring_.sq.kflags, IORING_SQ_TASKRUN, __ATOMIC_SEQ_CST);
  }
};

}  // namespace livehub::io

namespace livehub::io::testing {
namespace {

class Uring : public ::testing::Test {
 protected:
  void SetUp() override {
    const UringProbe& probe = cached_uring_probe();
    if (probe.usable) return;
    if (uring_is_required()) FAIL() << "LIVEHUB_REQUIRE_URING is set: " << probe.why;
    GTEST_SKIP() << probe.why;
  }
};

struct Counter final : CompletionSink {
  void on_completion(uint64_t user_data, int32_t result, uint32_t) override {
    seen.push_back(user_data);
    results.push_back(result);
  }
  std::vector<uint64_t> seen;
  std::vector<int32_t> results;
};

TEST_F(Uring, TheProbeSaysOneSentence) {
  const UringProbe probe = probe_uring();
  EXPECT_TRUE(probe.usable);
  EXPECT_FALSE(probe.why.empty());
  EXPECT_EQ(probe.why.find('\n'), std::string::npos);
  // Linux from 6.8 on has all of it; a probe that finds less there has a fault of its own.
  utsname kernel{};
  ASSERT_EQ(::uname(&kernel), 0);
  int major = 0, minor = 0;
  ASSERT_EQ(std::sscanf(kernel.release, "%d.%d", &major, &minor), 2);
  if (major > 6 || (major == 6 && minor >= 8)) {
    EXPECT_TRUE(probe.direct_descriptors && probe.skip_success_is_safe) << probe.why;
  }
  std::printf("probe: %s\n", probe.why.c_str());
}

TEST_F(Uring, TheProbeLeavesNoDescriptorOpen) {
  probe_uring();
  const int before = ::dup(0);
  ::close(before);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(probe_uring().usable);
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after);
}

// Two entries fit into the queue of completions: all others take the kernel's overflow list.
TEST_F(Uring, AnOverflowingCompletionQueueLosesNothing) {
  for (const bool defer : {true, false}) {
    Counter counter;
    UringRing ring(counter);
    std::string why_not;
    ASSERT_TRUE(ring.open(64, 64, defer, why_not)) << why_not;
    ASSERT_LT(ring.completions_max(), 1000u);
    for (uint64_t i = 0; i < 1000; ++i) ring.queue(IORING_OP_NOP, i);
    ring.submit();
    ring.reap(false);
    std::vector<uint64_t> expected(1000);
    std::iota(expected.begin(), expected.end(), 0);
    std::sort(counter.seen.begin(), counter.seen.end());
    EXPECT_EQ(counter.seen, expected);
  }
}

TEST_F(Uring, ARefusedEntryDoesNotStopThoseBehindIt) {
  Counter counter;
  UringRing ring(counter);
  std::string why_not;
  ASSERT_TRUE(ring.open(16, 32, true, why_not)) << why_not;
  ring.queue(IORING_OP_NOP, 1);
  ring.queue(250, 2);  // no such operation
  ring.queue(IORING_OP_NOP, 3);
  ring.submit();
  ring.reap(false);
  EXPECT_EQ(counter.seen, (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(counter.results, (std::vector<int32_t>{0, -EINVAL, 0}));
}

TEST_F(Uring, AShortSubmissionIsContinued) {
  const auto submit = [](UringRing& ring) { ring.submit(); };
  const auto submit_and_wait = [](UringRing& ring) { ring.submit_and_wait(1'000'000); };
  for (void (*const call)(UringRing&) : {+submit, +submit_and_wait}) {
    Counter counter;
    UringRing ring(counter);
    std::string why_not;
    ASSERT_TRUE(ring.open(16, 32, true, why_not)) << why_not;
    for (uint64_t entry = 1; entry <= 3; ++entry) ring.queue(IORING_OP_NOP, entry);
    taken_at_most = 1;
    call(ring);
    ring.reap(false);
    EXPECT_EQ(counter.seen, (std::vector<uint64_t>{1, 2, 3}));
  }
}

TEST_F(Uring, ATimeoutIsNotDoubledBySubmitting) {
  Counter counter;
  UringRing ring(counter);
  std::string why_not;
  ASSERT_TRUE(ring.open(16, 32, true, why_not)) << why_not;
  const Client listener(::socket(AF_INET, SOCK_STREAM, 0));
  for (int i = 0; i < 3; ++i) {
    // Something that is submitted and does not complete.
    io_uring_sqe& sqe = ring.queue(IORING_OP_POLL_ADD, 1);
    int pipe_fds[2];
    ASSERT_EQ(::pipe(pipe_fds), 0);
    sqe.fd = pipe_fds[0];
    sqe.poll32_events = POLLIN;
    const auto start = now();
    ring.submit_and_wait(100'000'000);
    // One late machine may be slow once; three times twice as long is the bug of liburing 2.3.
    const auto waited = now() - start;
    ring.reap(true);
    ::close(pipe_fds[1]);
    ::close(pipe_fds[0]);
    if (waited < std::chrono::milliseconds(190)) return;
  }
  FAIL() << "waits twice as long as asked";
}

TEST_F(Uring, FixedMemoryOfASmallDriverIsBounded) {
  if (kIsSanitized) GTEST_SKIP() << "sanitizers keep shadows";
  const auto resident_bytes = [] {
    std::ifstream file("/proc/self/statm");
    long total = 0, resident = 0;
    file >> total >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
  };
  ListenOptions listen;
  Listeners listeners = open_listeners(listen);
  ASSERT_EQ(listeners.error, "");
  std::string why_not;
  Recorder events;
  events.keeps_bytes = false;
  std::vector<Client> clients;
  for (int i = 0; i < 64; ++i) clients.push_back(connect_to(listeners.port));
  ::malloc_trim(0);  // or what earlier tests freed would serve this one
  const long before = resident_bytes();
  std::unique_ptr<Driver> driver = make_uring_driver({.sockets_max = 1000}, why_not);
  ASSERT_TRUE(driver) << why_not;
  driver->listen(listeners.fds[0]);
  while (events.accepted.size() < 64) driver->turn(-1, events);
  // Fills each of the lent buffers.
  for (Client& client : clients) ASSERT_TRUE(client.send(pattern(40'000)));
  while (events.receive_order.size() < 3 * 64) driver->turn(-1, events);
  std::vector<iovec> pieces(2, {.iov_base = const_cast<char*>("x"), .iov_len = 1});
  std::vector<SendRequest> requests;
  for (const Socket socket : events.accepted)
    requests.push_back({.socket = socket, .pieces = pieces.data(), .piece_count = 2, .bytes = 2});
  driver->send_batch(requests);
  const long used = resident_bytes() - before;
  EXPECT_LT(used, 1'500'000);
  std::printf("a driver of 1,000 sockets: %ld KB resident\n", used / 1024);
  driver.reset();
  for (const int fd : listeners.fds) ::close(fd);
}

TEST_F(Uring, ADirectTableKeepsToTheDescriptorLimit) {
  if (!cached_uring_probe().direct_descriptors) GTEST_SKIP() << "no direct descriptors here";
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::string why_not;
  const std::unique_ptr<Driver> driver =
      make_uring_driver({.sockets_max = static_cast<uint32_t>(limit.rlim_cur) + 5000}, why_not);
  ASSERT_TRUE(driver) << why_not;
  EXPECT_TRUE(static_cast<UringDriver&>(*driver).uses_direct_descriptors());
  EXPECT_EQ(driver->sockets_max(), limit.rlim_cur);
}

// A thread that adds work sets SQ_TASKRUN after the work may have been run: the flag then stands
// for nothing, and a loop that waits for it to fall never ends. The alarm ends the program, as
// nothing else could.
TEST_F(Uring, ReapingEndsThoughTheFlagStands) {
  Counter counter;
  UringRing ring(counter);
  std::string why_not;
  ASSERT_TRUE(ring.open(16, 32, true, why_not)) << why_not;
  ::alarm(60);
  UringRingPeek::set_task_run_flag(ring);
  ring.reap(true);
  ring.queue(IORING_OP_NOP, 1);
  ring.submit_and_wait(0);
  ring.reap(true);
  ::alarm(0);
  EXPECT_EQ(counter.seen, std::vector<uint64_t>{1});
}

// Not Uring: these hold wherever the test runs.
TEST(UringRefused, TheReasonIsSaid) {
  const struct {
    int error;
    const char* word;
  } refusals[] = {{EPERM, "permitted"}, {ENOSYS, "kernel"}, {ENOMEM, "memory"}};
  for (const auto& refusal : refusals) {
    const int status = run_in_child([&] {
      if (!refuse_system_call(SYS_io_uring_setup, -1, refusal.error)) return 10;
      const UringProbe probe = probe_uring();
      if (probe.usable || probe.direct_descriptors) return 11;
      if (probe.why.find(refusal.word) == std::string::npos) return 12;
      std::string why_not;
      std::unique_ptr<UringDriver> driver = UringDriver::make({}, {}, why_not);
      return driver || why_not != probe.why ? 13 : 0;
    });
    EXPECT_EQ(status, 0) << refusal.word;
  }
}

TEST(UringRefused, ATableThatIsRefusedMeansOrdinaryDescriptors) {
  if (!cached_uring_probe().usable) GTEST_SKIP() << cached_uring_probe().why;
  const int status = run_in_child([] {
    if (!refuse_system_call(SYS_io_uring_register, -1, EINVAL)) return 10;
    const UringProbe probe = probe_uring();
    if (!probe.usable || probe.direct_descriptors || !probe.skip_success_is_safe) return 11;
    std::string why_not;
    const std::unique_ptr<UringDriver> driver = UringDriver::make({}, {}, why_not);
    return driver && !driver->uses_direct_descriptors() ? 0 : 12;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Uring, UseFromAnotherThreadIsStoppedAtOnce) {
  const int status = run_in_child([] {
    std::string why_not;
    std::unique_ptr<Driver> driver = make_uring_driver({}, why_not);
    std::thread([&] {
      Recorder events;
      driver->turn(0, events);
      driver->turn(0, events);
    }).join();
    return 0;
  });
  EXPECT_EQ(status, 128 + SIGABRT) << "it went on";
}

TEST_F(Uring, IsMadeAndUsedOnAThreadOfItsOwn) {
  std::thread([] {
    std::string why_not;
    Recorder events;
    const std::unique_ptr<Driver> driver = make_uring_driver({}, why_not);
    ASSERT_TRUE(driver) << why_not;
    driver->wake();
    driver->turn(-1, events);
  }).join();
}

}  // namespace
}  // namespace livehub::io::testing
