// Vectors: the reference key 00 01 .. 0f and messages 00 01 .., made with an independent
// implementation (openssl mac -macopt c-rounds:1 -macopt d-rounds:3 -macopt size:8 SIPHASH).
#include "base/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::base {
namespace {

constexpr HashKey kReferenceKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string counting_bytes(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

TEST(SipHash, GivesTheKnownVectorsOfOneAndThreeRounds) {
  const uint64_t expected[] = {0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d,
                               0x8bf80ab8e7ddf7fb, 0xcf75576088d38328, 0xdef9d52f49533b67,
                               0xc50d2b50c59f22a7, 0xd3927d989bb11140, 0x369095118d299a8e,
                               0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
                               0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34,
                               0xd320d86d2a519956, 0xcc4fdd1a7d908b66};
  for (size_t i = 0; i < std::size(expected); ++i)
    EXPECT_EQ(siphash13(kReferenceKey, counting_bytes(i)), expected[i]) << i << " bytes";
  EXPECT_EQ(siphash13(kReferenceKey, counting_bytes(63)), 0x9d199062b7bbb3a8);
}

TEST(SipHash, DependsOnBothHalvesOfTheKey) {
  const uint64_t hash = siphash13({1, 2}, "news");
  EXPECT_NE(hash, siphash13({1, 3}, "news"));
  EXPECT_NE(hash, siphash13({3, 2}, "news"));
}

}  // namespace
}  // namespace livehub::base
