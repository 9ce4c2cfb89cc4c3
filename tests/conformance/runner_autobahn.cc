#include "runner_autobahn.h"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "runner_socket.h"
#include "wire/deflate.h"
#include "wire/ws_client.h"
#include "wire/ws_handshake.h"
#include "wire/ws_reader.h"

namespace livehub::conformance {
namespace {

using Kind = wire::WsEvent::Kind;

constexpr std::string_view kExtensions = "Sec-WebSocket-Extensions: ";
constexpr wire::WsLimits kLimits{.message_bytes_max = 16 << 20, .fragments_max = 65536};
constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";

// Ends a case before its end.
struct Stop {
  Verdict verdict;
  std::string detail;
};

std::string brief(const Reply& reply) {
  std::string text = "opcode " + std::to_string(static_cast<int>(reply.opcode)) + ", " +
                     std::to_string(reply.payload.size()) + " bytes '";
  for (const char c : reply.payload.substr(0, 40)) text += c >= ' ' && c <= '~' ? c : '.';
  return text + "'";
}

class Run {
 public:
  Run(const Case& test, const AutobahnOptions& options)
      : test_(test), options_(options), socket_(options.port, options.patience) {}

  AutobahnResult run() {
    try {
      shake_hands();
      Script script;
      const uint32_t rounds = std::min(test_.rounds, options_.rounds_max);
      for (uint32_t round = 0; round < rounds; ++round) {
        script = is_compressed_ ? test_.compressed_script(round) : test_.script(round);
        replies_.clear();
        compressed_replies_ = 0;
        send_chunks(script);
        await_replies(script, round);
      }
      finish(script);
      if (!non_strict_.empty()) return {Verdict::kNonStrict, non_strict_};
      return {};
    } catch (const Stop& stop) {
      return {stop.verdict, stop.detail};
    }
  }

 private:
  void shake_hands() {
    if (!socket_.write("GET " + options_.path +
                       " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: "
                       "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                       kKey + offer() + "\r\n\r\n"))
      throw Stop{Verdict::kFailed, "the handshake could not be written"};
    size_t end = std::string::npos;
    socket_.read_until(
        [&] { return (end = socket_.input().find("\r\n\r\n")) != std::string::npos; });
    const std::string head = socket_.input().substr(0, end);
    if (end == std::string::npos || !head.starts_with("HTTP/1.1 101 ") ||
        head.find(wire::ws_accept_key(kKey)) == std::string::npos)
      throw Stop{Verdict::kFailed, "the handshake was answered with '" + head + "'"};
    agree(head);
    socket_.input().erase(0, end + 4);
  }

  std::string offer() const {
    return test_.offer.empty() ? "" : "\r\n" + std::string(kExtensions) + test_.offer;
  }

  // The case knows what a server with compression answers; one without answers nothing.
  void agree(const std::string& head) {
    std::string answer;
    if (const size_t at = head.find(kExtensions); at != std::string::npos) {
      answer = head.substr(at + kExtensions.size());
      answer.resize(std::min(answer.find("\r\n"), answer.size()));
    }
    const std::string expected = options_.has_deflate ? test_.answer : "";
    if (answer != expected)
      throw Stop{Verdict::kFailed, "the offer '" + test_.offer + "' was answered with '" + answer +
                                       "', should be '" + expected + "'"};
    is_compressed_ = !answer.empty();
    if (is_compressed_) limits_.inflater = &inflater_;
  }

  void send_chunks(const Script& script) {
    for (size_t i = 0; i < script.chunks.size() && !is_over(); ++i) {
      if (i > 0) {
        socket_.pause(options_.pause);
        take_input();
        if (script.fails_at_chunk && i <= *script.fails_at_chunk && is_over())
          throw Stop{Verdict::kFailed, "the connection was failed before its first wrong byte"};
      }
      if (!socket_.write(script.chunks[i].bytes, script.chunks[i].chop_bytes)) break;
      if (script.fails_at_chunk == i) await_failure(script);
    }
  }

  // After the first wrong byte the server must not wait for more.
  void await_failure(const Script& script) {
    read_until([&] { return is_over(); });
    if (is_over()) return;
    if (!script.may_fail_late) throw Stop{Verdict::kFailed, "not failed at the first wrong byte"};
    non_strict_ = "failed late";
  }

  void await_replies(const Script& script, uint32_t round) {
    const bool more_to_come = script.ending == Ending::kClientCloses;
    read_until(
        [&] { return is_over() || (more_to_come && replies_.size() >= script.replies.size()); });
    if (replies_ == script.replies && script.has_compressed_replies && compressed_replies_ == 0)
      throw Stop{Verdict::kFailed, "the reply is not compressed"};
    if (replies_ == script.replies || script.informational) return;
    const size_t count = replies_.size();
    const bool is_prefix = count < script.replies.size() &&
                           std::equal(replies_.begin(), replies_.end(), script.replies.begin());
    if (is_prefix && script.may_lose_replies) {
      non_strict_ = "a reply before the failure is missing";
      return;
    }
    const size_t at =
        static_cast<size_t>(std::mismatch(replies_.begin(), replies_.end(), script.replies.begin(),
                                          script.replies.end())
                                .first -
                            replies_.begin());
    throw Stop{Verdict::kFailed,
               "round " + std::to_string(round) + ": " + std::to_string(count) + " replies of " +
                   std::to_string(script.replies.size()) + "; reply " + std::to_string(at) +
                   " is " + (at < count ? brief(replies_[at]) : "missing") + ", should be " +
                   (at < script.replies.size() ? brief(script.replies[at]) : "none") + told()};
  }

  void finish(const Script& script) {
    if (script.ending == Ending::kClientCloses) {
      if (is_over() && !script.informational)
        throw Stop{Verdict::kFailed, "the server closed by itself" + told()};
      socket_.write(wire::ws_client_close_frame(1000, "", {1, 2, 3, 4}));
    }
    const size_t replies_before = replies_.size();
    read_until([&] { return is_over(); });
    if (close_code_ != 0 && script.ending == Ending::kServerFails)
      socket_.write(wire::ws_client_close_frame(1000, "", {1, 2, 3, 4}));
    read_until([&] { return socket_.state() != Socket::State::kOpen; });
    if (script.informational) {
      if (socket_.state() == Socket::State::kOpen)
        throw Stop{Verdict::kUnclean, "the connection did not end"};
      return;
    }
    if (replies_.size() != replies_before)
      throw Stop{Verdict::kFailed, "a reply too many: " + brief(replies_.back())};
    if (!error_.empty()) throw Stop{Verdict::kFailed, "the server's frames: " + error_};
    if (close_code_ == 0 || socket_.state() != Socket::State::kEnded || !socket_.input().empty())
      throw Stop{Verdict::kUnclean, "not ended by a close frame and a FIN" + told()};
    if (std::ranges::count(script.close_codes, close_code_) == 0)
      throw Stop{Verdict::kFailed, "not the close code" + told()};
  }

  std::string told() const {
    constexpr const char* kStates[] = {"open", "ended", "reset"};
    return "; close code " + std::to_string(close_code_) + ", connection " +
           kStates[static_cast<size_t>(socket_.state())] + ", " +
           std::to_string(socket_.input().size()) + " bytes behind the close frame";
  }

  bool is_over() const {
    return close_code_ != 0 || !error_.empty() || socket_.state() != Socket::State::kOpen;
  }

  template <typename Enough>
  void read_until(const Enough& enough) {
    socket_.read_until([&] {
      take_input();
      return enough();
    });
    take_input();
  }

  // Turns what was received into replies; what is behind the close frame stays.
  void take_input() {
    if (close_code_ != 0 || !error_.empty()) return;
    std::span<char> input(socket_.input());
    while (close_code_ == 0 && error_.empty()) {
      const wire::WsEvent event = reader_.next(input, limits_);
      if (event.kind == Kind::kNeedMore) break;
      take_event(event);
    }
    socket_.input().erase(0, socket_.input().size() - input.size());
  }

  void take_event(const wire::WsEvent& event) {
    const auto add = [&](wire::WsOpcode opcode) {
      if (event.compressed) ++compressed_replies_;
      replies_.push_back({opcode, std::string(event.payload)});
    };
    switch (event.kind) {
      case Kind::kText:
        return add(wire::WsOpcode::kText);
      case Kind::kBinary:
        return add(wire::WsOpcode::kBinary);
      case Kind::kPong:
        return add(wire::WsOpcode::kPong);
      case Kind::kPing:
        error_ = "a ping nobody asked for";
        return;
      case Kind::kError:
        error_ = event.detail;
        return;
      case Kind::kClose:
        close_code_ = event.close_code;
        return;
      case Kind::kNeedMore:
        return;
    }
  }

  const Case& test_;
  const AutobahnOptions& options_;
  Socket socket_;
  wire::WsReader reader_{wire::WsRole::kClient};
  wire::WsLimits limits_ = kLimits;
  wire::Inflater inflater_;
  bool is_compressed_ = false;     // it was agreed to
  size_t compressed_replies_ = 0;  // of this round
  std::vector<Reply> replies_;     // of this round
  uint16_t close_code_ = 0;        // of the server's close frame; 0: none yet
  std::string error_;              // what was wrong with the server's frames
  std::string non_strict_;
};

}  // namespace

AutobahnResult run_autobahn_case(const Case& test, const AutobahnOptions& options) {
  try {
    return Run(test, options).run();
  } catch (const std::exception& error) {
    return {Verdict::kFailed, error.what()};
  }
}

}  // namespace livehub::conformance
