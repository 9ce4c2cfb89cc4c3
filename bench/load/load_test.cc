// The parts of the load generator that decide whether a run passed: a checker that cannot fail
// proves nothing.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "load/bare_door.h"
#include "load/clock.h"
#include "load/fleet.h"
#include "load/handshake.h"
#include "load/histogram.h"
#include "load/inbox.h"
#include "load/named_target.h"
#include "load/payload.h"
#include "load/publish_loop.h"
#include "load/send_plan.h"
#include "load/statistics.h"
#include "load/template.h"
#include "load/track.h"

namespace livehub::bench {
namespace {

TEST(Histogram, EveryValueIsKnownWithinOnePercent) {
  for (int64_t value = 1; value < (int64_t{1} << 39); value = value * 5 / 3 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(value * 2);  // so that the maximum does not cut the step's end off
    const int64_t found = histogram.percentile_ns(0.5);
    EXPECT_GE(found, value);
    EXPECT_LE(static_cast<double>(found), static_cast<double>(value) * 1.008);
  }
}

TEST(Histogram, PercentilesCountFromTheSmallest) {
  Histogram histogram;
  for (int64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.percentile_ns(0.5), 50);
  EXPECT_EQ(histogram.percentile_ns(0.99), 99);
  EXPECT_EQ(histogram.percentile_ns(0), 1);
  EXPECT_EQ(histogram.percentile_ns(1), 100);
  EXPECT_EQ(Histogram().percentile_ns(0.5), 0);
}

TEST(Histogram, ValuesBeyondItsEndsAreKept) {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(int64_t{1} << 60);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.percentile_ns(0.5), 0);
  EXPECT_EQ(histogram.max_ns(), int64_t{1} << 60);
}

TEST(Median, IntervalsAreThoseOfTheOrderStatistics) {
  std::vector<double> values;
  for (int i = 15; i >= 1; --i) values.push_back(i);
  const MedianInterval of_15 = median_interval(values);
  EXPECT_EQ(of_15.median, 8);
  EXPECT_EQ(of_15.low, 4);
  EXPECT_EQ(of_15.high, 12);
  const MedianInterval of_5 = median_interval({3, 1, 5, 2, 4});
  EXPECT_EQ(of_5.low, 1);
  EXPECT_EQ(of_5.high, 5);
  EXPECT_EQ(median_interval({1, 2}).median, 1.5);
  EXPECT_EQ(median_interval({}).median, 0);
}

std::string payload(size_t bytes, uint64_t seq) {
  std::string out(bytes, '?');
  write_payload(out.data(), bytes, {.seq = seq, .t_ns = 1234567890123456789, .publisher = 255});
  return out;
}

bool is_intact(const std::vector<std::string_view>& pieces) {
  PayloadCheck check;
  check.begin();
  for (const std::string_view piece : pieces) check.take(piece);
  return check.end();
}

TEST(Payload, HasTheWishedSizeAndCarriesItsStamp) {
  for (const size_t bytes : {kPayloadBytesMin, size_t{128}, size_t{250'000}}) {
    const std::string text = payload(bytes, 9'876'543'210);
    EXPECT_EQ(text.size(), bytes);
    EXPECT_TRUE(text.ends_with("\"}"));
    const auto stamp = read_stamp(std::string_view(text).substr(0, kStampBytesMax));
    ASSERT_TRUE(stamp);
    EXPECT_EQ(stamp->seq, 9'876'543'210u);
    EXPECT_EQ(stamp->t_ns, 1234567890123456789);
    EXPECT_EQ(stamp->publisher, 255u);
    EXPECT_TRUE(is_intact({text}));
  }
}

TEST(Payload, StampsOfAnyLengthAreRead) {
  for (uint64_t number = 1; number < 1'000'000'000'000'000'000; number = number * 10 + 7) {
    std::string text(kPayloadBytesMin + 60, '?');
    write_payload(text.data(), text.size(),
                  {.seq = number, .t_ns = static_cast<int64_t>(number * 3), .publisher = 7});
    const auto stamp = read_stamp(text);
    ASSERT_TRUE(stamp);
    EXPECT_EQ(stamp->seq, number);
    EXPECT_EQ(stamp->t_ns, static_cast<int64_t>(number * 3));
    EXPECT_EQ(stamp->publisher, 7u);
  }
}

TEST(Payload, ShortOnesAreStringsWithTheSameStamp) {
  for (size_t bytes = kShortPayloadBytes; bytes < kPayloadBytesMin; ++bytes) {
    const int64_t due_ns = now_ns() - 5'000'000'000;
    std::string text(bytes, '?');
    write_payload(text.data(), bytes, {.seq = 987'654'321, .t_ns = due_ns, .publisher = 4095});
    const auto stamp = read_stamp(text);
    ASSERT_TRUE(stamp);
    EXPECT_EQ(stamp->seq, 987'654'321u);
    EXPECT_EQ(stamp->t_ns / 1000, due_ns / 1000);
    EXPECT_EQ(stamp->publisher, 4095u);
    EXPECT_TRUE(is_intact({text}));
    EXPECT_TRUE(is_payload_intact(text));
    EXPECT_FALSE(is_intact({text.substr(0, bytes - 1)})) << "cut at its end";
    EXPECT_FALSE(is_payload_intact(text.substr(0, bytes - 1)));
    if (bytes < kShortPayloadBytes + 2) continue;  // the pattern is too short to show a shift
    EXPECT_FALSE(is_payload_intact(std::string(text).erase(bytes - 3, 1))) << "cut in its middle";
  }
  EXPECT_FALSE(read_stamp("\"not a stamp at all\""));
  EXPECT_FALSE(read_stamp("\"short\""));
}

TEST(Payload, StampIsFoundInsideAWrapping) {
  const auto stamp = read_stamp(R"({"channel":"a","data":{"seq":1,"t":2,"p":0,"pad":"x"}})");
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp->offset, 22u);
  EXPECT_FALSE(read_stamp(R"({"type":"presence"})"));
  EXPECT_FALSE(read_stamp(R"({"seq":"1","t":2,"p":0})"));
}

TEST(Payload, ATornOneShows) {
  const std::string text = payload(300, 1);
  const std::string_view all = text;
  EXPECT_TRUE(is_intact({all.substr(0, 100), all.substr(100)}));
  EXPECT_FALSE(is_intact({all.substr(0, 299)}));
  EXPECT_FALSE(is_intact({all.substr(0, 150), all.substr(151)}));
  EXPECT_FALSE(is_intact({all.substr(0, 100), all.substr(101, 50), all.substr(150)}));
  EXPECT_FALSE(is_intact({all, "\"}"}));
  EXPECT_FALSE(is_intact({}));
}

TEST(Track, InOrderIsNoFault) {
  Track track;
  SequenceFaults faults;
  track.expect(7);
  for (uint64_t seq = 7; seq < 200; ++seq) track.take(seq, faults);
  EXPECT_EQ(faults.lost + faults.doubled + faults.reordered, 0u);
  EXPECT_EQ(track.missing_before(200), 0u);
  EXPECT_EQ(track.missing_before(203), 3u);
}

TEST(Track, TellsLostDoubledAndReorderedApart) {
  Track track;
  SequenceFaults faults;
  track.expect(0);
  for (const uint64_t seq : {0, 1, 4, 3, 4, 1, 5}) track.take(seq, faults);
  EXPECT_EQ(faults.lost, 1u);       // 2
  EXPECT_EQ(faults.reordered, 1u);  // 3
  EXPECT_EQ(faults.doubled, 2u);    // 4, 1
}

TEST(Track, WhoComesMidwayMissesNothingBefore) {
  Track track;
  SequenceFaults faults;
  track.expect_any();
  for (const uint64_t seq : {50, 51, 53}) track.take(seq, faults);
  EXPECT_EQ(faults.lost, 1u);
  EXPECT_EQ(faults.doubled + faults.reordered, 0u);
  EXPECT_EQ(track.next(), 54u);
}

TEST(Track, LongGapsAndMessagesFromBeforeTheSpan) {
  Track track;
  SequenceFaults faults;
  track.expect(1000);
  track.take(999, faults);
  EXPECT_EQ(faults.doubled, 1u);
  track.take(1100, faults);
  EXPECT_EQ(faults.lost, 100u);
  track.take(1099, faults);
  EXPECT_EQ(faults.lost, 99u);
  EXPECT_EQ(faults.reordered, 1u);
}

// Writes down what an inbox finds.
struct Log : InboxSink {
  void on_message(const std::optional<Stamp>& stamp, uint64_t bytes, bool intact) override {
    text += stamp ? "seq" + std::to_string(stamp->seq) : "foreign";
    text += "/" + std::to_string(bytes) + (intact ? " " : "! ");
  }
  void on_ping(std::string_view payload) override { text += "ping(" + std::string(payload) + ") "; }
  void on_id(std::string_view id) override { text += "id(" + std::string(id) + ") "; }
  void on_gap() override { text += "gap "; }
  void on_end(uint16_t code) override { text += "end" + std::to_string(code) + " "; }
  std::string text;
};

std::string frame(uint8_t first, std::string_view payload_bytes) {
  std::string out{static_cast<char>(first)};
  const size_t bytes = payload_bytes.size();
  if (bytes < 126) {
    out += static_cast<char>(bytes);
  } else if (bytes < 65536) {
    out += {126, static_cast<char>(bytes >> 8), static_cast<char>(bytes)};
  } else {
    out += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bytes >> shift);
  }
  return out.append(payload_bytes);
}

// The same bytes whole, cut at each place, and byte by byte must give the same log.
template <typename Inbox>
void expect_log(const std::string& bytes, const std::string& expected, bool chunked = true,
                bool keeps_ids = false) {
  const auto log_of = [&](const std::vector<std::string_view>& pieces) {
    Inbox inbox;
    if (keeps_ids) inbox.keep_ids();
    if constexpr (requires { inbox.set_chunked(true); }) inbox.set_chunked(chunked);
    Log log;
    for (const std::string_view piece : pieces) {
      if (!inbox.feed(piece, log)) return log.text + "broken";
    }
    return log.text;
  };
  const std::string_view all = bytes;
  EXPECT_EQ(log_of({all}), expected);
  const size_t step = all.size() > 10'000 ? 997 : 1;
  for (size_t cut = 1; cut < all.size(); cut += step) {
    ASSERT_EQ(log_of({all.substr(0, cut), all.substr(cut)}), expected) << "cut at " << cut;
  }
  std::vector<std::string_view> single;
  for (size_t i = 0; i < all.size(); ++i) single.push_back(all.substr(i, 1));
  EXPECT_EQ(log_of(single), expected);
}

TEST(WsInbox, MessagesOfEverySizePingsAndCloses) {
  expect_log<WsInbox>(
      frame(0x81, payload(72, 1)) + frame(0x81, payload(96, 2)) + frame(0x89, "abc") +
          frame(0x82, payload(125, 3)) + frame(0x81, payload(128, 4)) + frame(0x89, "") +
          frame(0x81, "null") + frame(0x81, "") + frame(0x88, std::string("\x03\xe9", 2)),
      "seq1/72 seq2/96 ping(abc) seq3/125 seq4/128 ping() foreign/4! foreign/0! end1001 ");
}

TEST(WsInbox, LargeMessages) {
  expect_log<WsInbox>(frame(0x81, payload(70'000, 8)) + frame(0x81, payload(300, 9)),
                      "seq8/70000 seq9/300 ");
}

TEST(WsInbox, FragmentedMessagesWithPingsBetween) {
  const std::string text = payload(300, 5);
  expect_log<WsInbox>(frame(0x01, text.substr(0, 100)) + frame(0x89, "x") +
                          frame(0x00, text.substr(100, 50)) + frame(0x80, text.substr(150)) +
                          frame(0x81, payload(128, 6)),
                      "ping(x) seq5/300 seq6/128 ");
}

TEST(WsInbox, TornMessagesShow) {
  std::string text = payload(300, 5);
  text.erase(120, 1);
  text.insert(200, "a");
  Log log;
  WsInbox inbox;
  // Edges are what is looked at: where the payload was received in two pieces, the shift is at one.
  const std::string bytes = frame(0x81, text);
  EXPECT_TRUE(inbox.feed(std::string_view(bytes).substr(0, 160), log));
  EXPECT_TRUE(inbox.feed(std::string_view(bytes).substr(160), log));
  EXPECT_EQ(log.text, "seq5/300! ");
}

TEST(WsInbox, FramesThatNoServerMaySend) {
  for (const std::string& bytes :
       {std::string("\x81\x80", 2), std::string("\xc1\x01", 2), std::string("\x80\x01x", 3),
        std::string("\x89\x7e\x01\x01", 4), frame(0x01, "a") + frame(0x81, "b")}) {
    Log log;
    WsInbox inbox;
    EXPECT_FALSE(inbox.feed(bytes, log)) << bytes.size();
  }
}

std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

TEST(SseInbox, EventsCommentsAndGaps) {
  expect_log<SseInbox>(
      chunk(": connected\n\n") + chunk("id: abc\n\n") +
          chunk("id: 1\ndata: " + payload(128, 1) + "\n\n") + chunk(": ping\n\n") +
          chunk("event: gap\nid: 7\ndata: {\"reason\":\"history\"}\n\n") +
          chunk("data: " + payload(300, 2) + "\n\ndata:" + payload(100, 3) + "\n\n") +
          chunk("data: null\n\n") + "0\r\n\r\n",
      "ping() seq1/128 ping() gap seq2/300 seq3/100 foreign/4! end0 ");
}

TEST(SseInbox, EventsCutAcrossChunksAndLargeOnes) {
  const std::string event = "id: 1\ndata: " + payload(5'000, 4) + "\n\n";
  expect_log<SseInbox>(
      chunk(event.substr(0, 20)) + chunk(event.substr(20, 3000)) + chunk(event.substr(3020)),
      "seq4/5000 ");
}

TEST(SseInbox, CarriageReturnsAndBodiesWithoutChunks) {
  expect_log<SseInbox>("id: 1\r\ndata: " + payload(128, 1) +
                           "\r\n\r\n: x\r\n\r\ndata: " + payload(400, 2) + "\r\n\r\n",
                       "seq1/128 ping() seq2/400 ", false);
}

TEST(SseInbox, ATornEventShows) {
  std::string text = payload(300, 5);
  text.erase(150, 1);
  expect_log<SseInbox>(chunk("data: " + text.substr(0, 260) + "\n\n"), "seq5/260! ");
}

TEST(SseInbox, IdsCountOnceTheirEventIsComplete) {
  expect_log<SseInbox>(": connected\n\nid: 1-0\n\nid: 1-1\ndata: " + payload(128, 1) +
                           "\n\nid:1-2\ndata: " + payload(300, 2) + "\n\nid: 1-3\ndata: x\n",
                       "ping() id(1-0) seq1/128 id(1-1) seq2/300 id(1-2) ", false, true);
}

std::string envelope(std::string_view id, std::string_view data) {
  return R"({"id":")" + std::string(id) + R"(","data":)" + std::string(data) + "}";
}

TEST(WsInbox, EnvelopesHaveIdsAndGaps) {
  expect_log<WsInbox>(
      frame(0x81, envelope("0123456789abcdef-0123456789abcde0", payload(72, 1))) +
          frame(0x81, R"({"id":"0123456789abcdef-0123456789abcdef","gap":true})") +
          frame(0x81, envelope("0123456789abcdef-0123456789abcde1", payload(500, 5))) +
          frame(0x81, payload(128, 6)),
      "seq1/122 id(0123456789abcdef-0123456789abcde0) gap id(0123456789abcdef-0123456789abcdef) "
      "seq5/550 id(0123456789abcdef-0123456789abcde1) seq6/128 ",
      true, true);
}

TEST(WsInbox, ATornEnvelopeShows) {
  std::string text = payload(300, 5);
  text.erase(200, 1);
  Log log;
  WsInbox inbox;
  EXPECT_TRUE(inbox.feed(frame(0x81, envelope("a", text)), log));
  EXPECT_EQ(log.text, "seq5/317! ");
}

TEST(SseInbox, ABrokenChunkSize) {
  Log log;
  SseInbox inbox;
  EXPECT_FALSE(inbox.feed("x\r\n", log));
}

TEST(Handshake, ReadsHeads) {
  using enum ResponseHead::State;
  EXPECT_EQ(read_response_head("HTTP/1.1 200 OK\r\n", Protocol::kSse).state, kIncomplete);
  const ResponseHead sse = read_response_head(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\nabc", Protocol::kSse);
  EXPECT_EQ(sse.state, kAccepted);
  EXPECT_TRUE(sse.chunked);
  EXPECT_EQ(sse.bytes, 47u);
  EXPECT_EQ(read_response_head("HTTP/1.1 404 Not Found\r\n\r\n", Protocol::kSse).state, kRefused);
  EXPECT_EQ(
      read_response_head("HTTP/1.1 101 X\r\nSec-WebSocket-Accept: no\r\n\r\n", Protocol::kWebSocket)
          .state,
      kRefused);
}

TEST(Handshake, TheLeastAnswersAreAccepted) {
  using enum ResponseHead::State;
  for (const Protocol protocol : {Protocol::kWebSocket, Protocol::kSse}) {
    const std::string head = least_response_head(protocol);
    EXPECT_EQ(read_response_head(head, protocol).state, kAccepted);
    EXPECT_EQ(read_response_head(head, protocol).bytes, head.size());
    EXPECT_EQ(read_response_head(head.substr(0, head.size() - 1), protocol).state, kIncomplete);
  }
}

TEST(Handshake, FillsTheHolesOfAnAddress) {
  GroupPlan plan{.target = parse_target("ws://127.0.0.1:1/rooms/{channel}?last={id}")};
  EXPECT_FALSE(is_request_shared(plan));
  EXPECT_TRUE(request_head(plan, "17", "a-b").starts_with("GET /rooms/17?last=a-b HTTP/1.1\r\n"));
  plan.target = parse_target("http://127.0.0.1:1/sse");
  EXPECT_TRUE(is_request_shared(plan));
  EXPECT_NE(request_head(plan, "0", "a-b").find("\r\nLast-Event-ID: a-b\r\n"), std::string::npos);
  EXPECT_EQ(request_head(plan).find("Last-Event-ID"), std::string::npos);
  plan.resumes = true;
  EXPECT_FALSE(is_request_shared(plan));
}

TEST(Template, FillsWhatItKnowsAndLeavesTheRest) {
  const Holes holes{.channel = "7", .id = "x", .payload = R"({"a":"b"})"};
  EXPECT_EQ(fill("/c/{channel}/{id}", holes), "/c/7/x");
  EXPECT_EQ(fill(R"({"room":"{channel}","text":{payload_string}})", holes),
            R"({"room":"7","text":"{\"a\":\"b\"}"})");
  EXPECT_EQ(fill(R"({"d":{payload}})", holes), R"({"d":{"a":"b"}})");
  EXPECT_EQ(fill("{other}{channel", holes), "{other}{channel");
  EXPECT_EQ(fill("", holes), "");
  EXPECT_TRUE(has_hole("a{channel}", "channel"));
  EXPECT_FALSE(has_hole("a{channe}", "channel"));
}

TEST(SendPlan, EndsByCountOrByTime) {
  EXPECT_FALSE((SendPlan{.count = 5}).is_over(0, 4));
  EXPECT_TRUE((SendPlan{.count = 5}).is_over(0, 5));
  EXPECT_FALSE((SendPlan{.seconds = 2}).is_over(1'999'999'999, 1000));
  EXPECT_TRUE((SendPlan{.seconds = 2}).is_over(2'000'000'000, 0));
}

TEST(NamedTarget, HasFourParts) {
  const NamedTarget target = parse_named_target("a,ws://h:1/x?y=z,http://h:1/push,42");
  EXPECT_EQ(target.name, "a");
  EXPECT_EQ(target.subscribe_url, "ws://h:1/x?y=z");
  EXPECT_EQ(target.push_url, "http://h:1/push");
  EXPECT_EQ(target.pid, 42);
  EXPECT_EQ(parse_named_target("a,ws://h,,1").push_url, "");
  for (const char* wrong : {"", "a,ws://h,1", "a,ws://h,,", "a,ws://h,,1x", "a,ws://h,,-1",
                            ",ws://h,,1", "a,,,1", "a,ws://h,,1,"}) {
    EXPECT_THROW((void)parse_named_target(wrong), std::runtime_error) << wrong;
  }
}

// The door is a process: what it accepts, answers and lets go is seen from outside.
TEST(BareDoor, AcceptsAnswersAndLetsGo) {
  const BareDoor door(Protocol::kWebSocket, false);
  const Board board;
  Fleet fleet(
      {.groups = {{.target = door.target(), .connections = 30, .board = &board}}, .processes = 2});
  for (uint64_t round = 1; round <= 2; ++round) {
    ASSERT_TRUE(fleet.open(0, 0, 20)) << fleet.totals(0).first_error;
    EXPECT_EQ(door.tally().answered.get(), 30 * round);
    EXPECT_EQ(door.tally().open.get(), 30u);
    fleet.close(0);
    for (int i = 0; i < 2000 && door.tally().open.get() > 0; ++i) sleep_ms(5);
    EXPECT_EQ(door.tally().open.get(), 0u);
  }
}

TEST(Answer, IsCompleteWithItsBody) {
  EXPECT_FALSE(read_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab").is_complete);
  const Answer answer =
      read_answer("HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab");
  EXPECT_TRUE(answer.is_complete);
  EXPECT_TRUE(answer.closes);
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE(
      read_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n").is_complete);
  EXPECT_TRUE(
      read_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
          .is_complete);
}

}  // namespace
}  // namespace livehub::bench
