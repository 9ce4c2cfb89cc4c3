#include "base/memory_budget.h"

#include <gtest/gtest.h>

namespace livehub::base {
namespace {

TEST(MemoryBudget, HearsOfLargeChangesAtOnceAndOfSmallOnesInSteps) {
  MemoryBudget budget(1'000'000);
  MemoryAccount account(budget);
  account.charge(1000);
  EXPECT_EQ(budget.used(), 0);
  account.charge(70'000);
  EXPECT_EQ(budget.used(), 71'000);
  account.release(1000);
  EXPECT_EQ(budget.used(), 71'000);
  EXPECT_EQ(account.held(), 70'000);
  account.release(70'000);
  EXPECT_EQ(budget.used(), 0);
}

TEST(MemoryBudget, IsOverOnlyAboveItsMaximumAndSumsAllAccounts) {
  MemoryBudget budget(200'000);
  MemoryAccount first(budget);
  {
    MemoryAccount second(budget);
    first.charge(100'000);
    second.charge(100'000);
    EXPECT_FALSE(first.is_over());
    second.charge(100'000);
    EXPECT_TRUE(first.is_over());
  }
  EXPECT_FALSE(first.is_over()) << "an account that ends gives back what it told";
  EXPECT_EQ(budget.used(), 100'000);
}

}  // namespace
}  // namespace livehub::base
