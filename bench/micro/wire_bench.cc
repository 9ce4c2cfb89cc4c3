// What the protocol code costs by itself: frames, masks, UTF-8, events, the JSON gate. The argument
// is a size in bytes. Run: build/livehub-bench-micro --benchmark_filter=Json
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/payload.h"
#include "wire/http_request.h"
#include "wire/json_gate.h"
#include "wire/sse.h"
#include "wire/utf8.h"
#include "wire/ws_client.h"
#include "wire/ws_frame.h"
#include "wire/ws_reader.h"
#include "wire/ws_writer.h"

namespace livehub::wire {
namespace {

std::string document(size_t bytes) {
  std::string text(bytes, ' ');
  bench::write_payload(text.data(), bytes,
                       {.seq = 123'456, .t_ns = 1'234'567'890'123, .publisher = 0});
  return text;
}

// Text of two-byte characters: nothing of it is ASCII.
std::string cyrillic(size_t bytes) {
  std::string text;
  while (text.size() + 2 <= bytes) text += "\xd0\xb6";
  return text;
}

void set_bytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

void WsTextFrame(benchmark::State& state) {
  const std::string text = document(static_cast<size_t>(state.range(0)));
  std::vector<char> out(text.size() + kWsServerHeadBytesMax);
  for (auto _ : state) {
    const size_t head_bytes = write_ws_frame_head(out.data(), WsOpcode::kText, text.size());
    std::memcpy(out.data() + head_bytes, text.data(), text.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  set_bytes(state, text.size());
}
BENCHMARK(WsTextFrame)->Arg(128)->Arg(4096);

void WsUnmask(benchmark::State& state) {
  std::string text = document(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    ws_mask(text, WsMaskKey{1, 2, 3, 4});
    benchmark::DoNotOptimize(text.data());
  }
  set_bytes(state, text.size());
}
BENCHMARK(WsUnmask)->Arg(128)->Arg(4096)->Arg(65536);

void WsReadText(benchmark::State& state) {
  const std::string frame =
      ws_client_frame(WsOpcode::kText, document(static_cast<size_t>(state.range(0))), {1, 2, 3, 4});
  WsReader reader;
  std::string copy;
  for (auto _ : state) {
    copy = frame;  // the reader unmasks in place
    std::span<char> input(copy);
    const WsEvent event = reader.next(input, WsLimits{});
    benchmark::DoNotOptimize(event.payload.size());
  }
  set_bytes(state, frame.size());
}
BENCHMARK(WsReadText)->Arg(128)->Arg(4096)->Arg(60000);

void Utf8Ascii(benchmark::State& state) {
  const std::string text = document(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(utf8_valid(text));
  set_bytes(state, text.size());
}
BENCHMARK(Utf8Ascii)->Arg(128)->Arg(4096)->Arg(250000);

void Utf8TwoBytes(benchmark::State& state) {
  const std::string text = cyrillic(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(utf8_valid(text));
  set_bytes(state, text.size());
}
BENCHMARK(Utf8TwoBytes)->Arg(128)->Arg(4096);

void SseEventChunk(benchmark::State& state) {
  const std::string text = document(static_cast<size_t>(state.range(0)));
  const SseEvent event{.id = "0123456789abcdef-0123456789abcdef", .event = {}, .data = text};
  std::vector<char> out(text.size() + 256);
  for (auto _ : state) {
    char* at = write_chunk_head(out.data(), sse_event_bytes(event));
    at = write_chunk_tail(write_sse_event(at, event));
    benchmark::DoNotOptimize(at);
  }
  set_bytes(state, text.size());
}
BENCHMARK(SseEventChunk)->Arg(128)->Arg(4096);

void JsonGate(benchmark::State& state) {
  const std::string text = document(static_cast<size_t>(state.range(0)));
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(json_compact(text, out).ok);
  }
  set_bytes(state, text.size());
}
BENCHMARK(JsonGate)->Arg(128)->Arg(4096)->Arg(250000);

// Many short tokens and white space between them: the gate's hard case.
void JsonGateNumbers(benchmark::State& state) {
  std::string text = "[1";
  while (text.size() < static_cast<size_t>(state.range(0))) text += ", -12.5e3, true, null";
  text += "]";
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(json_compact(text, out).ok);
  }
  set_bytes(state, text.size());
}
BENCHMARK(JsonGateNumbers)->Arg(128)->Arg(4096);

// What a browser sends to open a WebSocket, with the fields that a proxy adds.
void HttpHead(benchmark::State& state) {
  const std::string request =
      "GET /api/live/ws?source=dashboard HTTP/1.1\r\nHost: live.example.com\r\n"
      "Connection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/130.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\n"
      "Origin: https://live.example.com\r\nSec-WebSocket-Version: 13\r\n"
      "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"
      "Sec-WebSocket-Key: bGl2ZWh1Yi1iZW5jaC13cw==\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
      "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n\r\n";
  HttpRequestParser parser;
  for (auto _ : state) {
    if (parser.next(request).event != HttpRequestParser::Event::kHead) {
      state.SkipWithError("the head was not read");
      break;
    }
    benchmark::DoNotOptimize(parser.head().upgrade_requested);
    parser.reset();
  }
  set_bytes(state, request.size());
}
BENCHMARK(HttpHead);

}  // namespace
}  // namespace livehub::wire

BENCHMARK_MAIN();
