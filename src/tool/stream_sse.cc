// The SSE side of stream.h.
#include "tool/stream.h"
#include "wire/sse_parser.h"

namespace livehub::tool {
namespace {

constexpr size_t kEventBytesMax = 64 << 20;

class Listener : public wire::SseListener {
 public:
  explicit Listener(StreamSink& sink) : sink_(sink) {}
  void on_event(std::string_view id, std::string_view type, std::string_view data) override {
    if (!wants_more) return;
    wants_more = sink_.on_message({id, type == "message" ? std::string_view() : type, data});
  }
  void on_retry(uint64_t ms) override { sink_.on_retry(ms); }

  bool wants_more = true;

 private:
  StreamSink& sink_;
};

StreamEnd rejected(const HttpReply& reply) {
  StreamEnd end;
  end.kind = reply.status == 204 ? StreamEnd::Kind::kForGood : StreamEnd::Kind::kRejected;
  end.status = reply.status;
  end.sentence = "status " + std::to_string(reply.status);
  if (reply.status == 200) end.sentence += " without Content-Type: text/event-stream";
  const std::string text = reply.body.substr(0, 200);
  if (!text.empty() && text.find_first_of("\r\n<") == text.npos) end.sentence += ": " + text;
  return end;
}

}  // namespace

StreamEnd read_sse(const StreamRequest& request, StreamSink& sink, StopSignals& stop) {
  Listener listener(sink);
  wire::SseParser parser(listener, kEventBytesMax);
  parser.set_last_event_id(request.last_event_id);
  HttpRequest http;
  http.url = request.url.whole();
  http.headers = request.headers;
  http.headers.emplace_back("Accept: text/event-stream");
  http.headers.emplace_back("Cache-Control: no-cache");
  if (!request.last_event_id.empty())
    http.headers.push_back("Last-Event-ID: " + request.last_event_id);
  http.silence_ms = request.silence_ms;
  http.skips_verification = request.skips_verification;
  http.goes_direct = request.goes_direct;
  bool is_open = false;
  bool fits = true;
  http.on_head = [&](const HttpReply& reply) {
    is_open = reply.status == 200 && reply.header("content-type").starts_with("text/event-stream");
    if (is_open) listener.wants_more = sink.on_open();
    return is_open;
  };
  http.on_piece = [&](std::string_view piece) {
    fits = parser.feed(piece);
    return fits && listener.wants_more;
  };
  HttpClient client(&stop);
  const HttpReply reply = client.ask(http);

  StreamEnd end;
  end.status = reply.status;
  end.sentence = reply.error;
  end.last_event_id = parser.last_event_id();
  switch (reply.end) {
    case HttpReply::End::kUnreachable:
      break;
    case HttpReply::End::kCut:
    case HttpReply::End::kSilent:
      end.kind = StreamEnd::Kind::kCut;
      break;
    case HttpReply::End::kStopped:
      end.kind = StreamEnd::Kind::kStopped;
      if (fits) break;
      end.kind = StreamEnd::Kind::kForGood;
      end.sentence = "an event is larger than 64 MB";
      break;
    case HttpReply::End::kWhole:
      if (!is_open) return rejected(reply);
      end.kind = StreamEnd::Kind::kEnded;
      end.sentence = "the server ended the stream";
      break;
  }
  return end;
}

}  // namespace livehub::tool
