// Runs the Autobahn cases in memory: WsReader and the writer as an echo server on one end, WsReader
// as a client on the other. What is left to the runner over a socket is the socket.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../conformance/autobahn_cases.h"
#include "wire/deflate.h"
#include "wire/ws_client.h"
#include "wire/ws_reader.h"
#include "wire/ws_writer.h"

namespace livehub::wire {
namespace {

using conformance::Case;
using conformance::Chunk;
using conformance::Ending;
using conformance::Reply;
using conformance::Script;
using Kind = WsEvent::Kind;

constexpr WsLimits kEchoLimits{.message_bytes_max = 16 << 20, .fragments_max = 65536};

class EchoServer {
 public:
  explicit EchoServer(Inflater* inflater) { limits_.inflater = inflater; }
  void receive(std::string_view bytes) {
    std::vector<char> copy(bytes.begin(), bytes.end());
    std::span<char> input(copy);
    while (!closed_) {
      const WsEvent event = reader_.next(input, limits_);
      if (event.kind == Kind::kNeedMore) return;
      answer(event);
    }
  }

  std::string take_output() { return std::exchange(output_, {}); }
  bool closed() const { return closed_; }

 private:
  void answer(const WsEvent& event) {
    switch (event.kind) {
      case Kind::kText:
        output_ += ws_frame(WsOpcode::kText, event.payload);
        break;
      case Kind::kBinary:
        output_ += ws_frame(WsOpcode::kBinary, event.payload);
        break;
      case Kind::kPing:
        output_ += ws_frame(WsOpcode::kPong, event.payload);
        break;
      case Kind::kPong:
      case Kind::kNeedMore:
        break;
      case Kind::kClose:
      case Kind::kError:
        output_ += ws_close_frame(event.close_code, "");
        closed_ = true;
        break;
    }
  }

  WsReader reader_;
  WsLimits limits_ = kEchoLimits;
  std::string output_;
  bool closed_ = false;
};

class Client {
 public:
  void receive(std::string bytes) {
    std::span<char> input(bytes);
    while (close_code_ == 0 && error_.empty()) {
      const WsEvent event = reader_.next(input, kEchoLimits);
      if (event.kind == Kind::kNeedMore) return;
      if (event.kind == Kind::kError) error_ = event.detail;
      if (event.kind == Kind::kClose) close_code_ = event.close_code;
      if (event.kind == Kind::kText) add(WsOpcode::kText, event);
      if (event.kind == Kind::kBinary) add(WsOpcode::kBinary, event);
      if (event.kind == Kind::kPong) add(WsOpcode::kPong, event);
      if (event.kind == Kind::kPing) error_ = "a ping nobody asked for";
    }
  }

  std::vector<Reply> take_replies() { return std::exchange(replies_, {}); }
  uint16_t close_code() const { return close_code_; }
  const std::string& error() const { return error_; }

 private:
  void add(WsOpcode opcode, const WsEvent& event) {
    replies_.push_back({opcode, std::string(event.payload)});
  }

  WsReader reader_{WsRole::kClient};
  std::vector<Reply> replies_;
  uint16_t close_code_ = 0;
  std::string error_;
};

void write_chunk(EchoServer& server, const Chunk& chunk, size_t chop_bytes) {
  const std::string_view bytes = chunk.bytes;
  const size_t piece = chop_bytes != 0 ? chop_bytes : std::max<size_t>(1, bytes.size());
  for (size_t from = 0; from < bytes.size(); from += piece)
    server.receive(bytes.substr(from, piece));
}

// One round up to its replies. `chop_bytes` 0: as the case says.
void run_round(const Script& script, size_t chop_bytes, EchoServer& server, Client& client) {
  for (size_t i = 0; i < script.chunks.size(); ++i) {
    if (script.fails_at_chunk) {
      EXPECT_EQ(server.closed(), i > *script.fails_at_chunk) << "chunk " << i;
    }
    write_chunk(server, script.chunks[i],
                chop_bytes != 0 ? chop_bytes : script.chunks[i].chop_bytes);
  }
  client.receive(server.take_output());
  EXPECT_EQ(client.error(), "");
  EXPECT_TRUE(client.take_replies() == script.replies);  // not EXPECT_EQ: some are 16 MB to print
}

// We hold ourselves to more than the suite: a close frame always comes, and only with an expected
// code.
void check_ending(const Script& script, EchoServer& server, Client& client) {
  if (script.ending == Ending::kClientCloses) {
    EXPECT_FALSE(server.closed());
    server.receive(ws_client_close_frame(1000, "", {1, 2, 3, 4}));
    client.receive(server.take_output());
  }
  EXPECT_TRUE(server.closed());
  EXPECT_GT(std::ranges::count(script.close_codes, client.close_code()), 0) << client.close_code();
}

// Full length is for the socket.
uint32_t rounds_of(const Case& test) { return std::min(test.rounds, 3U); }

// `inflater`: of a server that agreed to compression.
void run(const Case& test, size_t chop_bytes, Inflater* inflater = nullptr) {
  SCOPED_TRACE(test.number + " " + test.description);
  EchoServer server(inflater);
  Client client;
  Script script;
  for (uint32_t round = 0; round < rounds_of(test); ++round) {
    script = inflater ? test.compressed_script(round) : test.script(round);
    run_round(script, chop_bytes, server, client);
  }
  check_ending(script, server, client);
}

TEST(WsAutobahn, HasThe517Cases) {
  std::set<std::string> numbers;
  std::vector<size_t> sections(14);
  for (const Case& test : conformance::autobahn_cases()) {
    numbers.insert(test.number);
    ++sections[static_cast<size_t>(std::stoi(test.number))];
  }
  EXPECT_EQ(numbers.size(), 517U);
  EXPECT_EQ(sections, (std::vector<size_t>{0, 16, 11, 7, 10, 20, 145, 37, 0, 54, 1, 0, 90, 126}));
}

TEST(WsAutobahn, AllCasesPassAsTheyAreSent) {
  for (const Case& test : conformance::autobahn_cases()) run(test, 0);
}

TEST(WsAutobahn, CompressedMessagesAreReadAsTheyAreSentAndInAnyPieces) {
  Inflater inflater;
  size_t cases = 0;
  for (const Case& test : conformance::autobahn_cases()) {
    if (!test.compressed_script) continue;
    ++cases;
    run(test, 0, &inflater);
    if (test.compressed_script(0).chunks[0].bytes.size() < 20000) run(test, 3, &inflater);
  }
  EXPECT_EQ(cases, 216U);
}

TEST(WsAutobahn, SmallCasesPassInAnyPieces) {
  size_t cases = 0;
  for (const Case& test : conformance::autobahn_cases()) {
    size_t bytes = 0;
    for (const Chunk& chunk : test.script(0).chunks) bytes += chunk.bytes.size();
    if (bytes > 100000) continue;
    ++cases;
    for (const size_t chop_bytes : {1, 2, 3, 7}) run(test, chop_bytes);
  }
  EXPECT_GT(cases, 350U);
}

}  // namespace
}  // namespace livehub::wire

// The runner over a socket uses these sources too; this program is linked to its room alone.
#include "../../conformance/autobahn_cases.cc"       // NOLINT(bugprone-suspicious-include)
#include "../../conformance/autobahn_script.cc"      // NOLINT(bugprone-suspicious-include)
#include "../../conformance/autobahn_utf8_cases.cc"  // NOLINT(bugprone-suspicious-include)
