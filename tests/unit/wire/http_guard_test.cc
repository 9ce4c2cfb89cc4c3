#include "wire/http_guard.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace livehub::wire {
namespace {

using namespace std::literals;

const std::string kTokenPunctuation = "!#$%&'*+-.^_`|~";

bool is_alnum(int byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

bool is_tchar(int byte) {
  return is_alnum(byte) ||
         (byte < 128 && kTokenPunctuation.find(static_cast<char>(byte)) != std::string::npos);
}

GuardProgress scan_head(const std::string& bytes, HttpLimits limits = {}) {
  return HeadGuard(limits).scan(bytes).progress;
}

TEST(Token, IsExactlyTheCharactersOfRfc9110) {
  for (int byte = 0; byte < 256; ++byte)
    EXPECT_EQ(is_token_char(static_cast<char>(byte)), is_tchar(byte)) << byte;
  EXPECT_TRUE(is_token("X-A"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
}

TEST(HeadGuardBytes, InTheMethod) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string head = "G"s + static_cast<char>(byte) + "T / HTTP/1.1\r\n\r\n";
    EXPECT_EQ(scan_head(head) == GuardProgress::kDone, is_tchar(byte)) << byte;
  }
}

TEST(HeadGuardBytes, InTheTarget) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string head = "GET /"s + static_cast<char>(byte) + "x HTTP/1.1\r\n\r\n";
    const bool allowed = byte > 0x20 && byte < 0x7f && byte != '#';
    EXPECT_EQ(scan_head(head) == GuardProgress::kDone, allowed) << byte;
  }
}

TEST(HeadGuardBytes, InAName) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte == ':') continue;
    const std::string head = "GET / HTTP/1.1\r\nA"s + static_cast<char>(byte) + "B: c\r\n\r\n";
    EXPECT_EQ(scan_head(head) == GuardProgress::kDone, is_tchar(byte)) << byte;
  }
}

TEST(HeadGuardBytes, FirstOfALine) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string head = "GET / HTTP/1.1\r\n"s + static_cast<char>(byte) + "B: c\r\n\r\n";
    EXPECT_EQ(scan_head(head) == GuardProgress::kDone, is_tchar(byte)) << byte;
  }
}

TEST(HeadGuardBytes, InAValue) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string head = "GET / HTTP/1.1\r\nA: b"s + static_cast<char>(byte) + "c\r\n\r\n";
    const bool allowed = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    EXPECT_EQ(scan_head(head) == GuardProgress::kDone, allowed) << byte;
    EXPECT_EQ(is_field_value_char(static_cast<char>(byte)), allowed) << byte;
  }
}

TEST(HeadGuard, TellsHowManyBytesLieBeforeAndInTheHead) {
  const std::string head = "GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
  HeadGuard guard({});
  const HeadGuard::Scan scan = guard.scan("\r\n" + head + "GET");
  EXPECT_EQ(scan.progress, GuardProgress::kDone);
  EXPECT_EQ(scan.skipped, 2u);
  EXPECT_EQ(scan.consumed, 2 + head.size());
  EXPECT_EQ(guard.field_lines(), 2u);
}

TEST(HeadGuard, HasNotStartedDuringEmptyLines) {
  HeadGuard guard({});
  EXPECT_EQ(guard.scan("\r").skipped, 1u);
  EXPECT_EQ(guard.scan("\n").skipped, 1u);
  EXPECT_FALSE(guard.started());
  EXPECT_EQ(guard.scan("G").skipped, 0u);
  EXPECT_TRUE(guard.started());
}

TEST(HeadGuard, StopsAtTheFirstBadByteAndStaysThere) {
  HeadGuard guard({});
  const HeadGuard::Scan scan = guard.scan("GET / HTTP/1.1\r\n X: y\r\n\r\n");
  EXPECT_EQ(scan.progress, GuardProgress::kRefused);
  EXPECT_EQ(scan.consumed, "GET / HTTP/1.1\r\n "sv.size());
  EXPECT_EQ(guard.scan("A: b\r\n\r\n").progress, GuardProgress::kRefused);
  EXPECT_EQ(guard.refusal().error, HttpError::kBadRequest);
}

TEST(HeadGuard, LimitsOfItsOwn) {
  const std::string head = "GET /abc HTTP/1.1\r\nA: b\r\n\r\n";
  EXPECT_EQ(scan_head(head, {.head_bytes_max = head.size()}), GuardProgress::kDone);
  EXPECT_EQ(scan_head(head, {.head_bytes_max = head.size() - 1}), GuardProgress::kRefused);
  EXPECT_EQ(scan_head(head, {.target_bytes_max = 4}), GuardProgress::kDone);
  EXPECT_EQ(scan_head(head, {.target_bytes_max = 3}), GuardProgress::kRefused);
  EXPECT_EQ(scan_head(head, {.headers_max = 1}), GuardProgress::kDone);
  EXPECT_EQ(scan_head(head, {.headers_max = 0}), GuardProgress::kRefused);
}

TEST(HeadGuard, AHeadThatIsFullWithinItsTargetIsATargetTooLong) {
  HeadGuard guard({.head_bytes_max = 10});
  EXPECT_EQ(guard.scan("GET /aaaaaaaaaaaa").progress, GuardProgress::kRefused);
  EXPECT_EQ(guard.refusal().error, HttpError::kTargetTooLong);
}

// The guards alone: llhttp would refuse some of these too, and hide that a guard does not.
TEST(HeadGuard, RefusesByItself) {
  for (const char* head :
       {"\rG", "GET / HTTP/1.1\rX", "GET / HTTP/1.1\r\nA: b\rX", "GET / HTTP/1.1\r\nA: b\r\n\rX",
        "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n", "GET / HTTP/1.1\r\nA: b\r\n\n", "GET  ",
        "GET / HTTP/1.1\r\n:", "GET / HTTP/1.1\r\nA :", "GET / HTTP/1.1\r\nA\r"})
    EXPECT_EQ(scan_head(head), GuardProgress::kRefused) << head;
  EXPECT_EQ(scan_head(std::string(32, 'A') + " "), GuardProgress::kMore);
  EXPECT_EQ(scan_head(std::string(33, 'A')), GuardProgress::kRefused);
}

TEST(HeadGuard, EmptyLinesDoNotCountForTheHead) {
  const std::string head = "GET / HTTP/1.1\r\n\r\n";
  EXPECT_EQ(scan_head("\r\n\r\n" + head, {.head_bytes_max = head.size()}), GuardProgress::kDone);
}

struct Cut {
  ChunkGuard::Kind kind;
  std::string bytes;
  bool operator==(const Cut&) const = default;
};

std::vector<Cut> runs(ChunkGuard& guard, std::string_view input) {
  std::vector<Cut> all;
  while (!input.empty()) {
    const ChunkGuard::Run run = guard.next(input);
    all.push_back({run.kind, std::string(input.substr(0, run.bytes))});
    input.remove_prefix(run.bytes);
    if (run.kind == ChunkGuard::Kind::kEnd || run.kind == ChunkGuard::Kind::kRefused) break;
  }
  return all;
}

TEST(ChunkGuardRuns, OneOfEachKindInTurn) {
  using Kind = ChunkGuard::Kind;
  ChunkGuard guard;
  EXPECT_EQ(runs(guard, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\nGET"),
            (std::vector<Cut>{{Kind::kFraming, "3\r\n"},
                              {Kind::kData, "abc"},
                              {Kind::kFraming, "\r\n2;x=y\r\n"},
                              {Kind::kData, "de"},
                              {Kind::kEnd, "\r\n0\r\nT: u\r\n\r\n"}}));
}

TEST(ChunkGuardRuns, DataThatComesInPieces) {
  using Kind = ChunkGuard::Kind;
  ChunkGuard guard;
  EXPECT_EQ(runs(guard, "3\r\na"),
            (std::vector<Cut>{{Kind::kFraming, "3\r\n"}, {Kind::kData, "a"}}));
  EXPECT_EQ(guard.next("").bytes, 0u);
  EXPECT_EQ(runs(guard, "bc\r"), (std::vector<Cut>{{Kind::kData, "bc"}, {Kind::kFraming, "\r"}}));
}

TEST(ChunkGuardRuns, RefusesAndStaysThere) {
  ChunkGuard guard;
  EXPECT_EQ(runs(guard, "3\r\nabcd").back().kind, ChunkGuard::Kind::kRefused);
  EXPECT_EQ(guard.next("\r\n0\r\n\r\n").kind, ChunkGuard::Kind::kRefused);
  EXPECT_EQ(guard.refusal().error, HttpError::kBadRequest);
}

TEST(ChunkGuardRuns, RefusesByItself) {
  const std::string longest = "1;" + std::string(255, 'a');
  const std::vector<std::string> bodies = {
      "3\rX",        "3\n",         "3;a\rX",         "3;a\n",       "3\r\nabcX",
      "3\r\nabc\n",  "3\r\nabc\rX", "3\r\nabc\r\n\r", "0\r\n\rX",    "0\r\n\n",
      "0\r\nA: b\n", "0\r\n ",      "0\r\nA: b\r\n ", longest + ";", longest + "a",
      longest + "=", "000000003"};
  for (const std::string& body : bodies) {
    ChunkGuard guard;
    EXPECT_EQ(runs(guard, body).back().kind, ChunkGuard::Kind::kRefused) << body;
    ChunkGuard before;
    EXPECT_NE(runs(before, body.substr(0, body.size() - 1)).back().kind, ChunkGuard::Kind::kRefused)
        << body;
  }
}

TEST(ChunkGuardLimit, CountsTheDataOfAllChunks) {
  ChunkGuard enough;
  enough.set_data_limit(5);
  EXPECT_EQ(runs(enough, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").back().kind, ChunkGuard::Kind::kEnd);
  ChunkGuard short_by_one;
  short_by_one.set_data_limit(4);
  EXPECT_EQ(runs(short_by_one, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").back().bytes, "\r\n2\r\n");
  EXPECT_EQ(short_by_one.refusal().error, HttpError::kBodyTooLarge);
}

TEST(ChunkGuardLimit, MayBeSetBelowWhatHasPassed) {
  ChunkGuard guard;
  EXPECT_EQ(runs(guard, "3\r\nabc").back().kind, ChunkGuard::Kind::kData);
  guard.set_data_limit(1);
  EXPECT_EQ(runs(guard, "\r\n1\r\n").back().kind, ChunkGuard::Kind::kRefused);
  EXPECT_EQ(guard.refusal().error, HttpError::kBodyTooLarge);
}

TEST(ChunkGuardBytes, AroundTheSize) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
                     (byte >= 'A' && byte <= 'F');
    ChunkGuard first;
    EXPECT_EQ(first.next({&c, 1}).kind != ChunkGuard::Kind::kRefused, hex) << byte;
    ChunkGuard second;
    EXPECT_EQ(second.next("1"s + c).kind != ChunkGuard::Kind::kRefused,
              hex || c == ';' || c == '\r')
        << byte;
  }
}

TEST(ChunkGuardBytes, InAnExtension) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    ChunkGuard name;
    EXPECT_EQ(name.next("1;a"s + c).kind != ChunkGuard::Kind::kRefused,
              is_tchar(byte) || c == ';' || c == '=' || c == '\r')
        << byte;
    ChunkGuard value;
    EXPECT_EQ(value.next("1;a=b"s + c).kind != ChunkGuard::Kind::kRefused,
              is_tchar(byte) || c == ';' || c == '\r')
        << byte;
  }
}

}  // namespace
}  // namespace livehub::wire
