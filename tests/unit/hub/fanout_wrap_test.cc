// Numbers that are kept by their low halves, where those wrap.
#include <gtest/gtest.h>

#include "fanout_harness.h"
#include "wraps.h"

namespace livehub::hub {
namespace {

using namespace testing;

constexpr uint64_t kEntry = 64;  // what an entry with a frame of up to 8 bytes takes

TEST(Arena, APlaceNamesAnEntryUntilItIsGone) {
  Arena arena(4096, kPlacesWrap - 3 * kEntry);
  ASSERT_EQ(Arena::size_of(8), kEntry);
  for (int i = 0; i < 500; ++i) {
    while (!arena.fits(kEntry)) arena.pop();
    const uint64_t position = arena.push(8);
    *arena.at(position) = {0, 0, 0, 0, nullptr, 8, kNoIndex, 0, 0};
    for (uint64_t p = arena.tail(); p < arena.head(); p += kEntry)
      ASSERT_EQ(arena.position_of(Arena::place_of(p)), p);
  }
  EXPECT_EQ(Arena::place_of(kPlacesWrap), 0U);
}

TEST(Stream, KeepsNumbersWhereTheirLowHalvesWrap) {
  Stream stream;
  EXPECT_TRUE(stream.is_empty());
  stream.next = kSequencesWrap - 2;
  stream.set_first(stream.next);
  EXPECT_TRUE(stream.is_empty());
  stream.next += 4;
  EXPECT_FALSE(stream.is_empty());
  EXPECT_EQ(stream.first(), kSequencesWrap - 2);
  EXPECT_EQ(stream.needed_from(), stream.next) << "nobody is behind";
  stream.add_behind(kSequencesWrap);
  EXPECT_EQ(stream.behind_min(), kSequencesWrap);
  stream.add_behind(kSequencesWrap + 1);
  EXPECT_EQ(stream.behind_min(), kSequencesWrap) << "a later one is no lower bound";
  stream.add_behind(kSequencesWrap - 1);
  EXPECT_EQ(stream.needed_from(), kSequencesWrap - 1) << "an earlier one has the larger low half";
  stream.set_blocked_min(kSequencesWrap - 1);
  EXPECT_EQ(stream.blocked_min(), kSequencesWrap - 1);
  stream.set_blocked_min(stream.next);
  EXPECT_EQ(stream.blocked_min(), stream.next);
  stream.set_first(kSequencesWrap);
  EXPECT_EQ(stream.first(), kSequencesWrap);
  stream.set_first(stream.next);
  EXPECT_TRUE(stream.is_empty());
}

TEST(Stream, NamesEveryChannelThatFitsIntoMemory) {
  constexpr uint32_t kChannel = 200'000'000;
  ASSERT_LT(kChannel, Stream::kChannelsMax);
  Stream stream;
  stream.channel = kChannel;
  stream.encoding = kEncodingsMax - 1;
  EXPECT_EQ(stream.channel, kChannel);
  EXPECT_EQ(stream.encoding, kEncodingsMax - 1U);
}

// The fourth entry of the run stands at the place 0, which elsewhere says that there is none.
class FanoutPlaceZero : public FanoutTest {
 protected:
  FanoutPlaceZero() : FanoutTest(tiny_limits(), {kPlacesWrap - 3 * kEntry, kSequencesWrap - 2}) {
    for (const PeerId peer : {0U, 1U}) listen(peer);
    for (const char* payload : {"a", "b", "c"}) append(payload);
    flush();
    EXPECT_EQ(take(0), "[a][b][c]");
    EXPECT_EQ(take(1), "[a][b][c]");
  }
};

TEST_F(FanoutPlaceZero, ABlockedPeerGoesOnThere) {
  sink.takes[0] = 0;
  for (const char* payload : {"d", "e", "f"}) append(payload);
  EXPECT_EQ(Arena::place_of(kPlacesWrap), fanout->subscription(0).hint);
  flush();
  writable(0);
  flush();
  EXPECT_EQ(take(0), "[d][e][f]");
  EXPECT_EQ(take(1), "[d][e][f]");
}

TEST_F(FanoutPlaceZero, AFrameIsCutThere) {
  sink.takes[0] = 2;
  append("d");
  flush();
  append("e");
  writable(0);
  flush();
  EXPECT_EQ(take(0), "[d][e]");
}

TEST_F(FanoutPlaceZero, ItMayBeTheOldestOrTheNewestThatIsKept) {
  append("d");
  flush();
  EXPECT_EQ(fanout->stream(stream).cold_last, 0U);
  while (fanout->stream(stream).cold_first != 0) {
    ASSERT_TRUE(append("-"));
    flush();
  }
  for (const PeerId peer : {0U, 1U}) take(peer);
  fanout->open_peer(2);
  const SubscriptionId late = fanout->make_subscription(2, 0, 0, SlowReader::kDisconnect);
  EXPECT_TRUE(fanout->attach_after(late, stream, 3));
  flush();
  EXPECT_EQ(take(2).substr(0, 6), "[d][-]");
  lap(stream);
  EXPECT_GT(fanout->stream(stream).first(), kSequencesWrap);
}

TEST_F(FanoutPlaceZero, TheNewestGoesOnThere) {
  const SubscriptionId id = listen(2, SlowReader::kNewest);
  sink.takes[2] = 0;
  append("d");
  flush();
  fanout->skip_to_end(id);
  writable(2);
  append("e");
  flush();
  EXPECT_EQ(take(2), "[e]");
}

}  // namespace
}  // namespace livehub::hub
