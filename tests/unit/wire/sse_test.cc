#include "wire/sse.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::wire {
namespace {

using namespace std::string_view_literals;

// Writes into a buffer with guard bytes behind it, so that a wrong size shows.
std::string written(const SseEvent& event) {
  const size_t bytes = sse_event_bytes(event);
  std::string out(bytes + 16, '#');
  EXPECT_EQ(write_sse_event(out.data(), event), out.data() + bytes);
  EXPECT_EQ(out.substr(bytes), std::string(16, '#'));
  return out.substr(0, bytes);
}

TEST(Sse, WritesTheFieldsThatAreThere) {
  EXPECT_EQ(written({"7-1", "gap", "{}"}), "id: 7-1\nevent: gap\ndata: {}\n\n");
  EXPECT_EQ(written({"7-1", "", "{}"}), "id: 7-1\ndata: {}\n\n");
  EXPECT_EQ(written({"", "gap", "{}"}), "event: gap\ndata: {}\n\n");
  EXPECT_EQ(written({"", "", "{}"}), "data: {}\n\n");
  EXPECT_EQ(written({"", "", ""}), "data: \n\n");
  EXPECT_EQ(written({}), "data: \n\n");
  EXPECT_EQ(written({" 1", " e", " d:"}), "id:  1\nevent:  e\ndata:  d:\n\n");
}

TEST(Sse, KnowsWhatFitsOnOneLine) {
  for (const auto& line : {""sv, "x"sv, "a: b"sv, "\t\x01\x7f"sv, "\u0085\u2028\u2029\ufeff"sv})
    EXPECT_TRUE(is_sse_line(line)) << line;
  for (const auto& line : {"\r"sv, "\n"sv, "\0"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "ab\r\n"sv})
    EXPECT_FALSE(is_sse_line(line)) << line;
}

TEST(SseDeathTest, NoFieldCanBeInjected) {
  std::string out(100, '\0');
  for (const auto& bad : {"a\ndata: evil"sv, "a\rdata: evil"sv, "a\r\nb"sv, "a\0b"sv}) {
    EXPECT_DEATH(write_sse_event(out.data(), {bad, "", "x"}), "one line");
    EXPECT_DEATH(write_sse_event(out.data(), {"", bad, "x"}), "one line");
    EXPECT_DEATH((void)sse_id_only(bad), "one line");
#ifndef NDEBUG
    EXPECT_DEATH(write_sse_event(out.data(), {"", "", bad}), "one line");
#endif
  }
}

TEST(Sse, ChunkHeadsAreLowerCaseHexWithoutLeadingZeros) {
  const std::pair<size_t, std::string> cases[] = {{1, "1\r\n"},
                                                  {9, "9\r\n"},
                                                  {10, "a\r\n"},
                                                  {15, "f\r\n"},
                                                  {16, "10\r\n"},
                                                  {255, "ff\r\n"},
                                                  {256, "100\r\n"},
                                                  {4095, "fff\r\n"},
                                                  {4096, "1000\r\n"},
                                                  {65535, "ffff\r\n"},
                                                  {65536, "10000\r\n"},
                                                  {1048576, "100000\r\n"},
                                                  {0xabcdef, "abcdef\r\n"},
                                                  {SIZE_MAX, "ffffffffffffffff\r\n"}};
  for (const auto& [payload, head] : cases) {
    char out[32];
    char* end = write_chunk_head(out, payload);
    EXPECT_EQ(std::string(out, end), head);
    char* tail_end = write_chunk_tail(end);
    EXPECT_EQ(std::string(end, tail_end), "\r\n");
    EXPECT_EQ(static_cast<size_t>(tail_end - out), chunk_overhead_bytes(payload)) << payload;
  }
}

TEST(Sse, ChunkOverheadAgreesWithWhatIsWritten) {
  for (size_t payload = 1; payload < 70'000; ++payload) {
    char out[32];
    const char* end = write_chunk_tail(write_chunk_head(out, payload));
    ASSERT_EQ(static_cast<size_t>(end - out), chunk_overhead_bytes(payload));
    ASSERT_EQ(std::stoul(out, nullptr, 16), payload);
  }
}

TEST(SseDeathTest, AnEmptyChunkIsRefusedBecauseItEndsTheBody) {
  char out[32];
  EXPECT_DEATH(write_chunk_head(out, 0), "would end the response");
  EXPECT_EQ(http_chunk(""), "");
}

TEST(Sse, ReadyMadeChunksHoldTheirPayload) {
  EXPECT_EQ(http_chunk(kSsePing), kSsePingChunk);
  EXPECT_EQ(http_chunk(kSseConnected), kSseConnectedChunk);
  EXPECT_EQ(http_chunk("hello"), "5\r\nhello\r\n");
  EXPECT_EQ(kLastChunk, "0\r\n\r\n");
  EXPECT_EQ(kSsePing, ": ping\n\n");
  EXPECT_EQ(kSseConnected, ": connected\n\n");
}

TEST(Sse, MultilineDataBecomesOneFieldForEachLine) {
  const std::pair<std::string_view, std::string> cases[] = {
      {"", "data: \n\n"},
      {"a", "data: a\n\n"},
      {"a\nb", "data: a\ndata: b\n\n"},
      {"a\rb", "data: a\ndata: b\n\n"},
      {"a\r\nb", "data: a\ndata: b\n\n"},
      {"a\n\rb", "data: a\ndata: \ndata: b\n\n"},
      {"a\n\nb", "data: a\ndata: \ndata: b\n\n"},
      {"a\r\r\nb", "data: a\ndata: \ndata: b\n\n"},
      {"\n", "data: \ndata: \n\n"},
      {"\r\n", "data: \ndata: \n\n"},
      {"a\n", "data: a\ndata: \n\n"},
      {"a\r", "data: a\ndata: \n\n"},
      {"a\n\nid: 9\nevent: x", "data: a\ndata: \ndata: id: 9\ndata: event: x\n\n"}};
  for (const auto& [data, bytes] : cases) EXPECT_EQ(sse_multiline_event({"", "", data}), bytes);
  EXPECT_EQ(sse_multiline_event({"1", "e", "a\nb"}), "id: 1\nevent: e\ndata: a\ndata: b\n\n");
}

TEST(Sse, TheColdPathEqualsTheHotPathOnSingleLines) {
  for (const SseEvent& event : {SseEvent{"1", "e", "d"}, SseEvent{"", "e", ""},
                                SseEvent{"1", "", " x: y"}, SseEvent{"", "", "{}"}})
    EXPECT_EQ(sse_multiline_event(event), written(event));
}

TEST(Sse, TheColdPathRefusesWhatItCannotSplit) {
  for (const auto& bad : {"\0"sv, "a\0b"sv, "a\nb"sv, "a\rb"sv, "\r\n"sv}) {
    EXPECT_EQ(sse_multiline_event({bad, "", "x"}), std::nullopt);
    EXPECT_EQ(sse_multiline_event({"", bad, "x"}), std::nullopt);
  }
  EXPECT_EQ(sse_multiline_event({"", "", "a\0b"sv}), std::nullopt);
}

TEST(Sse, CommentsAreSplitToo) {
  EXPECT_EQ(sse_comment("ping"), kSsePing);
  EXPECT_EQ(sse_comment("a\ndata: evil\r\n\rb"), ": a\n: data: evil\n: \n: b\n\n");
  EXPECT_EQ(sse_comment("a\0b"sv), std::nullopt);
}

TEST(Sse, RetryAndIdBlocks) {
  EXPECT_EQ(sse_retry(0), "retry: 0\n\n");
  EXPECT_EQ(sse_retry(1500), "retry: 1500\n\n");
  EXPECT_EQ(sse_retry(UINT32_MAX), "retry: 4294967295\n\n");
  EXPECT_EQ(sse_id_only("3f-9"), "id: 3f-9\n\n");
  EXPECT_EQ(sse_id_only(""), "id: \n\n");
}

}  // namespace
}  // namespace livehub::wire
