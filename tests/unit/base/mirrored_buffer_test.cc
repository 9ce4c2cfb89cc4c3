#include "base/mirrored_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace livehub::base {
namespace {

TEST(MirroredBuffer, ARangeAcrossTheEndIsOnePiece) {
  MirroredBuffer buffer(4096);
  const std::string text = "across the end of the buffer";
  const uint64_t position = 4096 * 1'000'000'007ull - 10;
  std::memcpy(buffer.at(position), text.data(), text.size());
  EXPECT_EQ(std::string(buffer.at(position), text.size()), text);
  EXPECT_EQ(std::string(buffer.at(position + 10), text.size() - 10), text.substr(10));
}

TEST(MirroredBuffer, TheWholeSizeIsReadableFromAnyPosition) {
  MirroredBuffer buffer(8192);
  for (size_t i = 0; i < buffer.size(); ++i) *buffer.at(i) = static_cast<char>(i * 7);
  for (const uint64_t from : {uint64_t{0}, uint64_t{1}, uint64_t{4097}, uint64_t{8191}}) {
    const char* data = buffer.at(from);
    for (size_t i = 0; i < buffer.size(); ++i)
      ASSERT_EQ(data[i], static_cast<char>((from + i) % buffer.size() * 7));
  }
}

TEST(MirroredBuffer, MovesAndKeepsItsBytes) {
  MirroredBuffer first(4096);
  *first.at(5) = 'x';
  MirroredBuffer second(std::move(first));
  EXPECT_EQ(*second.at(5), 'x');
  MirroredBuffer third(4096);
  third = std::move(second);
  EXPECT_EQ(*third.at(4096 + 5), 'x');
}

TEST(MirroredBufferDeath, RefusesASizeThatIsNoPowerOfTwoOrLessThanAPage) {
  EXPECT_DEATH(MirroredBuffer(5000), "power of two");
  EXPECT_DEATH(MirroredBuffer(2048), "power of two");
}

}  // namespace
}  // namespace livehub::base
