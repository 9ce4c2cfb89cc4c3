// The checker of the fleet must find what it is there for: each input cut at every byte, losses,
// repeats and reordering told.
#include <gtest/gtest.h>

#include "profiles/marker.h"
#include "profiles/text_reader.h"

namespace livehub::bench {
namespace {

struct Heard : TextSink {
  void on_text(std::string_view text) override { said += "t:" + std::string(text) + "|"; }
  void on_ping(std::string_view payload) override { said += "p:" + std::string(payload) + "|"; }
  void on_close() override { said += "closed|"; }
  std::string said;
};

std::string frame(uint8_t first, std::string_view payload) {
  std::string made(1, static_cast<char>(first));
  if (payload.size() < 126) {
    made += static_cast<char>(payload.size());
  } else {
    made += std::string{126, static_cast<char>(payload.size() >> 8),
                        static_cast<char>(payload.size() & 0xff)};
  }
  return made + std::string(payload);
}

void expect_heard(Wire wire, const std::string& bytes, const std::string& expected) {
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Heard heard;
    TextReader reader(wire);
    EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(0, cut), heard));
    EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(cut), heard));
    EXPECT_EQ(heard.said, expected) << "cut at " << cut;
  }
}

TEST(TextReader, FramesWhateverTheCut) {
  const std::string large(300, 'x');
  expect_heard(Wire::kWebSocket,
               frame(0x81, "one") + frame(0x89, "ping") + frame(0x81, large) + frame(0x88, ""),
               "t:one|p:ping|t:" + large + "|closed|");
}

TEST(TextReader, EventsWhateverTheCut) {
  expect_heard(Wire::kEvents, "1a\r\nevent: signal\ndata: {}\n\n\r\n5\r\n: hi\n\r\n0\r\n\r\n",
               "t:event: signal|t:data: {}|closed|");
}

TEST(TextReader, MaskedFramesAreBroken) {
  Heard heard;
  TextReader reader(Wire::kWebSocket);
  EXPECT_FALSE(reader.feed(std::string("\x81\x81") + "abcde", heard));
}

TEST(Marker, IsFoundAnywhereAndOnlyWhole) {
  const Marker made{.publisher = 1, .sequence = 77, .due_ns = 123456789};
  const auto found = find_marker("{\"content\":\"" + marker_text(made) + "\"}");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->publisher, 1U);
  EXPECT_EQ(found->sequence, 77U);
  EXPECT_EQ(found->due_ns, 123456789);
  for (const char* bad : {"", "lhb:", "lhb:1:2:3", "lhb:2:1:1;", "lhb:a:1:1;", "lhb:1:2"})
    EXPECT_FALSE(find_marker(bad)) << bad;
}

TEST(Sequences, TellLossRepeatAndReordering) {
  Sequences seen;
  EXPECT_EQ(seen.take({.publisher = 0, .sequence = 1}).lost, 0U);
  EXPECT_EQ(seen.take({.publisher = 0, .sequence = 4}).lost, 2U);
  EXPECT_TRUE(seen.take({.publisher = 0, .sequence = 4}).is_repeat);
  EXPECT_TRUE(seen.take({.publisher = 0, .sequence = 3}).is_repeat);
  EXPECT_EQ(seen.take({.publisher = 1, .sequence = 1}).lost, 0U);
  EXPECT_EQ(seen.take({.publisher = 0, .sequence = 5}).lost, 0U);
}

}  // namespace
}  // namespace livehub::bench
