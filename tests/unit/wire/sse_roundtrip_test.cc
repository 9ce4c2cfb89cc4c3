// What the encoder writes, the parser reads back: for random values, whole and in random pieces.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "wire/sse.h"
#include "wire/sse_parser.h"

namespace livehub::wire {
namespace {

using Found = std::vector<std::tuple<std::string, std::string, std::string>>;  // id, type, data

class Collector : public SseListener {
 public:
  void on_event(std::string_view id, std::string_view type, std::string_view data) override {
    found.emplace_back(id, type, data);
  }
  void on_retry(uint64_t) override { ++others; }
  void on_comment(std::string_view) override { ++others; }
  Found found;
  int others = 0;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  size_t below(size_t bound) { return engine_() % bound; }

  // Bytes chosen so that separators, spaces and field names are frequent.
  std::string text(size_t length_max, bool with_line_breaks) {
    static constexpr std::string_view kSpice[] = {
        ":", " ", "data: ", "id: ", "event: ", "::", "\xef\xbb\xbf", "\t", "retry: 5"};
    std::string out;
    for (size_t pieces = below(length_max + 1); pieces > 0; --pieces) {
      const size_t kind = below(with_line_breaks ? 5 : 3);
      if (kind == 0)
        out += kSpice[below(std::size(kSpice))];
      else if (kind == 3)
        out += '\r';
      else if (kind == 4)
        out += '\n';
      else if (char c = static_cast<char>(1 + below(255)); c != '\r' && c != '\n')
        out += c;
    }
    return out;
  }

  // Feeds the stream cut at random places.
  void feed(SseParser& parser, std::string_view stream) {
    while (!stream.empty()) {
      const size_t piece = std::min(stream.size(), 1 + below(20));
      EXPECT_TRUE(parser.feed(stream.substr(0, piece)));
      stream.remove_prefix(piece);
    }
  }

 private:
  std::mt19937 engine_;
};

// As a browser shows it: every line break is LF.
std::string with_lf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (text.substr(i, 2) == "\r\n") ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

TEST(SseRoundtrip, EventsOnOneLineComeBackAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    std::string stream;
    Found expected;
    std::string last_id;
    for (size_t events = 1 + random.below(20); events > 0; --events) {
      const std::string id = random.text(10, false), type = random.text(4, false),
                        data = random.text(60, false);
      const SseEvent event{id, type, data};
      const size_t before = stream.size();
      stream.resize(before + sse_event_bytes(event));
      ASSERT_EQ(write_sse_event(stream.data() + before, event), stream.data() + stream.size());
      if (!id.empty()) last_id = id;
      expected.emplace_back(last_id, type.empty() ? "message" : type, data);
    }
    Collector collector;
    SseParser parser(collector, 1 << 20);
    random.feed(parser, stream);
    EXPECT_EQ(collector.found, expected) << "seed " << seed;
    EXPECT_EQ(collector.others, 0) << "seed " << seed;
  }
}

TEST(SseRoundtrip, LineBreaksInDataComeBackAsLf) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const std::string data = random.text(60, true);
    const std::optional<std::string> stream = sse_multiline_event({"1", "e", data});
    ASSERT_TRUE(stream);
    Collector collector;
    SseParser parser(collector, 1 << 20);
    random.feed(parser, *stream);
    EXPECT_EQ(collector.found, (Found{{"1", "e", with_lf(data)}})) << "seed " << seed;
    EXPECT_EQ(collector.others, 0) << "seed " << seed;
  }
}

TEST(SseRoundtrip, AnyTextInACommentStaysAComment) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const std::optional<std::string> stream = sse_comment(random.text(60, true));
    ASSERT_TRUE(stream);
    Collector collector;
    SseParser parser(collector, 1 << 20);
    random.feed(parser, *stream + "data: end\n\n");
    EXPECT_EQ(collector.found, (Found{{"", "message", "end"}})) << "seed " << seed;
    EXPECT_GE(collector.others, 1) << "seed " << seed;
  }
}

}  // namespace
}  // namespace livehub::wire
