#include "server/machine.h"

#include <gtest/gtest.h>

namespace livehub::server {
namespace {

TEST(Machine, ReadsTheCpuQuota) {
  EXPECT_DOUBLE_EQ(parse_cpu_max("max 100000\n"), 0);
  EXPECT_DOUBLE_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_DOUBLE_EQ(parse_cpu_max("6250 100000"), 0.0625);
  EXPECT_DOUBLE_EQ(parse_cpu_max(""), 0);
  EXPECT_DOUBLE_EQ(parse_cpu_max("nonsense 100000"), 0);
  EXPECT_DOUBLE_EQ(parse_cpu_max("100000 0"), 0);
}

TEST(Machine, GivesAtLeastOneCoreAndSomeMemory) {
  EXPECT_GE(usable_cores(), 1u);
  EXPECT_GT(machine_memory_bytes(), 1u << 20);
  EXPECT_GE(raise_descriptor_limit(), 64u);
}

}  // namespace
}  // namespace livehub::server
