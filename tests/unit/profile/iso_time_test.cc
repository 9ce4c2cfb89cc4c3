#include "profile/iso_time.h"

#include <gtest/gtest.h>

namespace livehub::profile {
namespace {

TEST(IsoTime, ReadsAsJavaScriptWritesIt) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_time(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(iso_time(1'763'034'564'622), "2025-11-13T11:49:24.622Z");
  EXPECT_EQ(iso_time(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace livehub::profile
