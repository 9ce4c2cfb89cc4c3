// A kernel that takes fewer entries than it was offered: this program's io_uring_enter2() stands
// before liburing's, and hands on what it is told to.
#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "io/uring_probe.h"
#include "io/uring_ring.h"

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
namespace {

struct Seen final : CompletionSink {
  void on_completion(uint64_t user_data, int32_t, uint32_t) override { all.push_back(user_data); }
  std::vector<uint64_t> all;
};

class UringRingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cached_uring_probe().usable) GTEST_SKIP() << cached_uring_probe().why;
    std::string why_not;
    ASSERT_TRUE(ring_.open(16, 32, true, why_not)) << why_not;
    for (const uint64_t entry : {1, 2, 3}) ring_.queue(IORING_OP_NOP, entry);
  }

  Seen seen_;
  UringRing ring_{seen_};
};

TEST_F(UringRingTest, AShortSubmissionIsContinued) {
  taken_at_most = 1;
  ring_.submit();
  ring_.reap(false);
  EXPECT_EQ(seen_.all, (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(UringRingTest, AShortSubmissionThatWaitsIsContinued) {
  taken_at_most = 2;
  ring_.submit_and_wait(1'000'000);
  ring_.reap(false);
  EXPECT_EQ(seen_.all, (std::vector<uint64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace livehub::io
