// Encodings whose frames turn out smaller than the room that was made for them.
#include <gtest/gtest.h>

#include "fanout_harness.h"

namespace livehub::hub {
namespace {

using testing::ScriptedSink;

// Says only half of the payload, and counts how often it is asked to work.
class Halving : public testing::PlainEncoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    ++worked;
    return m.payload_bytes / 2 + 2;
  }
  size_t frame_bytes_max(const Message& m) const override { return m.payload_bytes + 2; }
  void write_frame(const Message& m, char* out) const override {
    *out++ = '<';
    std::copy_n(m.payload().begin(), m.payload_bytes / 2, out);
    out[m.payload_bytes / 2] = '>';
  }
  mutable int worked = 0;
};

class FanoutHalving : public testing::ColdAndHot {
 protected:
  FanoutHalving() {
    halved = fanout->make_stream(0, fanout->add_encoding(&halving), 0);
    fanout->open_peer(7);
    fanout->attach_at_head(fanout->make_subscription(7, 0, 1, SlowReader::kDisconnect), halved);
  }
  ~FanoutHalving() override { close(7); }
  Halving halving;
  StreamId halved = kNoIndex;
};
INSTANTIATE_TEST_SUITE_P(, FanoutHalving, ::testing::Bool(), testing::cold_or_hot);

// Around the size from which frames are blocks (256 here), where the bound and the frame fall on
// different sides of it, and through many laps of the ring.
TEST_P(FanoutHalving, FramesOfAnySizeArrive) {
  for (size_t round = 0; round < 3000; ++round) {
    const std::string payload(round % 700, static_cast<char>('a' + round % 26));
    ASSERT_TRUE(append_to(halved, payload)) << round;
    flush();
    ASSERT_EQ(take(7), "<" + payload.substr(0, payload.size() / 2) + ">") << round;
  }
}

// What was to be a block, and is small now, must not go where room was made for a block alone.
TEST_P(FanoutHalving, AFullRingIsNotOverwritten) {
  for (size_t filler = 1; filler < 200; ++filler) {
    std::string expected;
    const auto offer = [&](const std::string& payload) {
      if (!append_to(halved, payload)) return false;
      expected += "<" + payload.substr(0, payload.size() / 2) + ">";
      return true;
    };
    while (offer(std::string(filler, 'f'))) {
    }
    for (int i = 0; i < 3; ++i) (void)offer(std::string(400, 'L'));
    flush();
    ASSERT_EQ(take(7), expected) << filler;
  }
}

TEST_P(FanoutHalving, TheWorkIsDoneOnceHoweverLongTheRoomIsWaitedFor) {
  int appended = 0;
  while (append_to(halved, std::string(200, 'x'))) ++appended;  // nobody has been sent anything
  EXPECT_EQ(halving.worked, appended);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(append_to(halved, std::string(200, 'x')));
  EXPECT_EQ(halving.worked, appended) << "asking for room is no work";
  flush();
  EXPECT_TRUE(append_to(halved, std::string(200, 'x')));
  EXPECT_EQ(halving.worked, appended + 1);
}

}  // namespace
}  // namespace livehub::hub
