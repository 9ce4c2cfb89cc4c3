// Compressed messages (RFC 7692), as an attacker sends them. What comes out never exceeds the
// limit, is UTF-8 where that was asked for, does not depend on what was read before, and is what
// zlib makes of the same bytes in one go; and what we compress comes back. The offers of a
// handshake are read without harm, and the answer is one of two.
#include <zlib.h>

#include <optional>
#include <string>

#include "fuzz.h"
#include "wire/accept_encoding.h"
#include "wire/deflate.h"
#include "wire/utf8.h"
#include "wire/ws_client.h"
#include "wire/ws_extensions.h"
#include "wire/ws_reader.h"

namespace livehub::wire {
namespace {

using Verdict = Inflater::Verdict;
constexpr size_t kMost = 5000;

struct Shared {  // as on a shard: used by every message before
  Deflater deflater;
  Inflater inflater;
};
Shared& shared() {
  static Shared all;
  return all;
}

// The second reader: a fresh zlib each time, room for all it may say, and no flush in between. Only
// for messages of one deflate stream, which is what there is without a "last" block inside.
std::optional<std::string> reference(std::string_view blocks) {
  z_stream z{};
  MUST(inflateInit2(&z, -15) == Z_OK, "zlib has memory");
  std::string input = std::string(blocks) + std::string(kDeflateTail);
  std::string out(kMost + 1, '\0');
  z.next_in = reinterpret_cast<Bytef*>(input.data());
  z.avail_in = static_cast<uInt>(input.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&z, Z_NO_FLUSH);
  const bool is_whole = result == Z_OK && z.avail_in == 0 && z.avail_out > 0;
  const bool is_at_end = (z.data_type & 128) != 0;
  out.resize(kMost + 1 - z.avail_out);
  inflateEnd(&z);
  if (!is_whole || !is_at_end || blocks.empty()) return std::nullopt;
  return out;
}

void inflate_both(std::string_view input) {
  Inflater& used = shared().inflater;
  const auto [verdict, text] = used.inflate(input, kMost, false);
  const std::string found(text);
  MUST(found.size() <= kMost, "the limit holds");
  MUST(verdict != Verdict::kNotUtf8, "bytes need not be UTF-8");
  if (const auto expected = reference(input))
    MUST(verdict == Verdict::kOk && found == *expected, "both readers see the same message");
  Inflater fresh;
  const auto again = fresh.inflate(input, kMost, false);
  MUST(again.verdict == verdict && again.text == found, "no message leaves anything behind");
  if (verdict != Verdict::kOk) return;
  const auto as_text = used.inflate(input, kMost, true);
  MUST((as_text.verdict == Verdict::kOk) == utf8_valid(found), "text is UTF-8, and only then");
  if (found.empty()) return;
  const auto short_of = used.inflate(input, found.size() - 1, false);
  MUST(short_of.verdict == Verdict::kTooBig, "one byte too many is too big");
}

void compress_and_back(std::string_view input) {
  Shared& all = shared();
  const size_t most = input.size() + input.size() / 100 + 64;
  std::string blocks(all.deflater.compress(input, most));
  MUST(blocks.ends_with(kDeflateTail), "what is flushed ends so");
  blocks.resize(blocks.size() - kDeflateTail.size());
  const auto [verdict, text] = all.inflater.inflate(blocks, input.size(), false);
  MUST(verdict == Verdict::kOk && text == input, "what is compressed comes back");
  std::string stored(stored_blocks_bytes(input.size()), '\0');
  MUST(write_stored_blocks(stored.data(), input) == stored.data() + stored.size(), "as many bytes");
  const auto back = all.inflater.inflate(stored + '\0', input.size(), false);
  MUST(back.verdict == Verdict::kOk && back.text == input, "what is stored comes back");
}

// The same through a reader, in fragments: nothing that it keeps goes beyond its limit.
void read_fragments(std::string_view input) {
  WsLimits limits{.message_bytes_max = 400, .inflater = &shared().inflater};
  const size_t half = input.size() / 2;
  std::string bytes = ws_client_frame(WsOpcode::kText, input.substr(0, half), {1, 2, 3, 4}, false);
  bytes[0] = static_cast<char>(bytes[0] | 0x40);
  bytes += ws_client_frame(WsOpcode::kContinuation, input.substr(half), {5, 6, 7, 8});
  WsReader reader;
  for (std::span<char> rest(bytes); !rest.empty();) {
    std::span<char> piece = rest.first(std::min<size_t>(rest.size(), 7));
    rest = rest.subspan(piece.size());
    const WsEvent event = reader.next(piece, limits);
    MUST(reader.buffered_bytes() <= 1200, "what is kept is bounded");
    MUST(event.payload.size() <= 400, "and so is the message");
    if (event.kind == WsEvent::Kind::kError) return;
  }
}

void read_offers(std::string_view input) {
  const WsDeflateOutcome outcome = answer_ws_deflate({&input, 1});
  MUST(!(outcome.is_malformed && outcome.is_agreed), "who breaks the grammar is not agreed with");
  MUST(outcome.is_agreed != outcome.answer.empty(), "an agreement is said");
  constexpr std::string_view kAnswer =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  if (!outcome.is_agreed) return;
  MUST(outcome.answer == kAnswer ||
           outcome.answer == std::string(kAnswer) + "; server_max_window_bits=15",
       "we say one of two things");
  MUST(input.find("permessage-deflate") != input.npos, "nobody is answered who did not ask");
}

FUZZ_TARGET(deflate) {
  inflate_both(input);
  compress_and_back(input);
  read_fragments(input);
  read_offers(input);
  if (accepts_gzip({&input, 1}))
    MUST(input.find_first_of("gG*") != input.npos, "gzip is asked for by its name, or by all");
}

}  // namespace
}  // namespace livehub::wire
