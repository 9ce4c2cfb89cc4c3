// Every vector whole, cut in two at every byte, and byte by byte: the outcome may never differ.
// Then what must hold around each of them: what follows it, what its beginnings are, and what
// becomes of it when bytes are changed at random.
#include "../../conformance/http_vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "wire/http_request.h"

namespace livehub::conformance {

void PrintTo(const HttpVector& vector, std::ostream* out) {
  *out << vector.number << " " << vector.name;
}

}  // namespace livehub::conformance

namespace livehub::wire {
namespace {

using conformance::http_vectors;
using conformance::HttpVector;
using conformance::HttpVectorEnd;

struct Request {
  std::string method;
  std::string path;
  std::string body;
  bool operator==(const Request&) const = default;
};

struct Outcome {
  std::vector<Request> requests;
  HttpVectorEnd end = HttpVectorEnd::kOpen;
  int status = 0;
  std::string rest;
  bool operator==(const Outcome&) const = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << outcome.requests.size() << " requests";
  for (const Request& request : outcome.requests)
    *out << " [" << request.method << " " << request.path.substr(0, 40) << " " << request.body
         << "]";
  *out << ", end " << static_cast<int>(outcome.end) << ", status " << outcome.status << ", rest '"
       << outcome.rest << "'";
}

// A connection that answers nothing: it feeds the parser and notes what comes out.
class Reader {
 public:
  void feed(std::string_view piece) {
    // A copy of exactly that size: a view that outlives its call is seen by AddressSanitizer.
    const std::vector<char> bytes(piece.begin(), piece.end());
    std::string_view input(bytes.data(), bytes.size());
    while (!stopped_ && step(input)) {
    }
    if (outcome_.end == HttpVectorEnd::kUpgraded || outcome_.end == HttpVectorEnd::kClosed)
      outcome_.rest += input;
  }

  Outcome outcome() const {
    Outcome outcome = outcome_;
    if (!stopped_ && parser_.in_head_started()) outcome.end = HttpVectorEnd::kPartial;
    return outcome;
  }

 private:
  bool step(std::string_view& input) {
    const HttpRequestParser::Step step = parser_.next(input);
    EXPECT_LE(step.consumed, input.size());
    switch (step.event) {
      case HttpRequestParser::Event::kNeedMore:
        EXPECT_EQ(step.consumed, input.size());
        return false;
      case HttpRequestParser::Event::kHead:
        request_ = {std::string(parser_.head().method), std::string(parser_.head().path), ""};
        break;
      case HttpRequestParser::Event::kBody:
        EXPECT_FALSE(step.body.empty());
        EXPECT_GE(step.body.data(), input.data());
        EXPECT_LE(step.body.data() + step.body.size(), input.data() + step.consumed);
        request_.body += step.body;
        break;
      case HttpRequestParser::Event::kComplete:
        outcome_.requests.push_back(request_);
        stopped_ = parser_.head().upgrade_requested || !parser_.head().keep_alive;
        if (stopped_)
          outcome_.end =
              parser_.head().upgrade_requested ? HttpVectorEnd::kUpgraded : HttpVectorEnd::kClosed;
        parser_.reset();
        break;
      case HttpRequestParser::Event::kError:
        EXPECT_FALSE(step.detail.empty());
        outcome_.end = HttpVectorEnd::kRefused;
        outcome_.status = http_status(step.error);
        stopped_ = true;
        break;
    }
    input.remove_prefix(step.consumed);
    return true;
  }

  HttpRequestParser parser_;
  Request request_;
  Outcome outcome_;
  bool stopped_ = false;
};

Outcome read_whole(std::string_view input) {
  Reader reader;
  reader.feed(input);
  return reader.outcome();
}

Outcome read_cut(std::string_view input, size_t cut) {
  Reader reader;
  reader.feed(input.substr(0, cut));
  reader.feed(input.substr(cut));
  return reader.outcome();
}

Outcome read_bytewise(std::string_view input) {
  Reader reader;
  for (size_t i = 0; i < input.size(); ++i) reader.feed(input.substr(i, 1));
  return reader.outcome();
}

Outcome expected(const HttpVector& vector) {
  Outcome outcome{{}, vector.end, vector.status, vector.rest};
  for (const auto& request : vector.requests)
    outcome.requests.push_back(
        {std::string(request.method), std::string(request.path), std::string(request.body)});
  return outcome;
}

class HttpVectors : public testing::TestWithParam<HttpVector> {};

TEST_P(HttpVectors, Whole) { EXPECT_EQ(read_whole(GetParam().input), expected(GetParam())); }

TEST_P(HttpVectors, ByteByByte) {
  EXPECT_EQ(read_bytewise(GetParam().input), expected(GetParam()));
}

TEST_P(HttpVectors, CutAtEveryByte) {
  const std::string& input = GetParam().input;
  // The few inputs of many KB are cut at every byte of their first and last ones, between at every
  // 97th.
  for (size_t cut = 0; cut <= input.size(); cut += cut > 300 && cut + 300 < input.size() ? 97 : 1)
    ASSERT_EQ(read_cut(input, cut), expected(GetParam())) << "cut at byte " << cut;
}

TEST_P(HttpVectors, WhatFollowsIsReadAsItShould) {
  const std::string after = "GET /after HTTP/1.1\r\nHost: a\r\n\r\n";
  Outcome want = expected(GetParam());
  const Outcome now = read_whole(GetParam().input + after);
  if (want.end == HttpVectorEnd::kPartial) {  // what follows is a part of the one begun
    EXPECT_EQ(now.requests, want.requests);
    return;
  }
  if (want.end == HttpVectorEnd::kOpen) want.requests.push_back({"GET", "/after", ""});
  if (want.end == HttpVectorEnd::kUpgraded || want.end == HttpVectorEnd::kClosed)
    want.rest += after;
  EXPECT_EQ(now, want);
}

// No beginning of a good input is refused, and none of a bad one gives more than the whole.
TEST_P(HttpVectors, BeginningsNeverSayMoreThanTheWhole) {
  const std::string& input = GetParam().input;
  const Outcome want = expected(GetParam());
  Reader reader;
  for (size_t i = 0; i < input.size(); ++i) {
    reader.feed({&input[i], 1});
    const Outcome now = reader.outcome();
    if (now.end == HttpVectorEnd::kRefused) {
      ASSERT_EQ(now, want) << "at byte " << i;
    }
    ASSERT_LE(now.requests.size(), want.requests.size()) << "at byte " << i;
    ASSERT_TRUE(std::equal(now.requests.begin(), now.requests.end(), want.requests.begin()));
  }
}

INSTANTIATE_TEST_SUITE_P(Table, HttpVectors, testing::ValuesIn(http_vectors()),
                         [](const testing::TestParamInfo<HttpVector>& param) {
                           return "n" + std::to_string(param.param.number);
                         });

TEST(HttpVectorTable, IsLargeNumberedAndCoversEveryEnd) {
  const std::vector<HttpVector> vectors = http_vectors();
  EXPECT_GE(vectors.size(), 120u);
  std::vector<size_t> ends(5);
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(vectors[i - 1].number, vectors[i].number) << vectors[i].name;
    }
    ++ends[static_cast<size_t>(vectors[i].end)];
  }
  for (size_t count : ends) EXPECT_GE(count, 5u);
}

// Bytes changed at random: whatever becomes of the input, it becomes the same in every cutting.
TEST(HttpVectorTable, ChangedAtRandomStillTheSameInEveryCutting) {
  constexpr std::string_view kBytes = "\r\n\0 \t:;,=\"aA0159/?#%-+\x7f\x80\xff";
  std::mt19937 random(20240501);
  const std::vector<HttpVector> vectors = http_vectors();
  size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string input = vectors[random() % vectors.size()].input;
    if (input.size() > 1000) continue;
    for (size_t changes = 1 + random() % 2; changes > 0; --changes) {
      const char byte = kBytes[random() % kBytes.size()];
      const size_t at = random() % input.size();
      const auto kind = random() % 3;
      if (kind == 0) input[at] = byte;
      if (kind == 1) input.insert(at, 1, byte);
      if (kind == 2 && input.size() > 1) input.erase(at, 1);
    }
    const Outcome whole = read_whole(input);
    accepted += whole.requests.empty() ? 0 : 1;
    ASSERT_EQ(read_bytewise(input), whole) << "round " << round << "\n" << input;
    ASSERT_EQ(read_cut(input, random() % input.size()), whole) << "round " << round << "\n"
                                                               << input;
  }
  EXPECT_GT(accepted, 1000u);
}

}  // namespace
}  // namespace livehub::wire
