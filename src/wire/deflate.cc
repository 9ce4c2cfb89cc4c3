#include "wire/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/utf8.h"

namespace livehub::wire {
namespace {

// The whole window (15 bits), and no header or trailer of zlib's around the blocks.
constexpr int kRaw = -15;
// zlib's fastest: a shard does nothing else meanwhile, and short texts gain little from more.
constexpr int kLevel = 1;
constexpr int kMemory = 8;
constexpr size_t kFirstBytes = 4096;
constexpr size_t kStoredMax = 65535;

Bytef* zlib_bytes(const char* data) { return reinterpret_cast<Bytef*>(const_cast<char*>(data)); }

// zlib counts in 32 bits; messages have at most 1 GB (MESSAGE_BYTES).
uInt zlib_size(size_t bytes) {
  LIVEHUB_CHECK(bytes <= UINT32_MAX, "a message of over 4 GB does not reach the compressor");
  return static_cast<uInt>(bytes);
}

}  // namespace

// --- buffer ---

void DeflateBuffer::reserve(size_t bytes, size_t kept) {
  if (bytes <= capacity_) return;
  auto grown = std::make_unique_for_overwrite<char[]>(bytes);
  if (kept > 0) std::memcpy(grown.get(), bytes_.get(), kept);
  bytes_ = std::move(grown);
  capacity_ = bytes;
}

void DeflateBuffer::shrink() {
  if (capacity_ <= kBufferKeptBytes) return;
  bytes_.reset();
  capacity_ = 0;
}

// --- deflate ---

struct Deflater::Zlib {
  z_stream stream{};
};

Deflater::Deflater() : zlib_(std::make_unique<Zlib>()) {
  const int result =
      deflateInit2(&zlib_->stream, kLevel, Z_DEFLATED, kRaw, kMemory, Z_DEFAULT_STRATEGY);
  LIVEHUB_CHECK(result == Z_OK, "at the start there is memory for zlib");
}

Deflater::~Deflater() { deflateEnd(&zlib_->stream); }

std::string_view Deflater::compress(std::string_view text, size_t bytes_max) {
  // With no byte left over zlib would not say whether it was done.
  buffer_.reserve(bytes_max + 1, 0);
  z_stream& z = zlib_->stream;
  const int reset = deflateReset(&z);
  LIVEHUB_CHECK(reset == Z_OK, "a deflate state can be reset");
  z.next_in = zlib_bytes(text.data());
  z.avail_in = zlib_size(text.size());
  z.next_out = zlib_bytes(buffer_.data());
  z.avail_out = zlib_size(bytes_max + 1);
  const int result = deflate(&z, Z_SYNC_FLUSH);
  if (result != Z_OK || z.avail_in > 0 || z.avail_out == 0) return {};
  return {buffer_.data(), bytes_max + 1 - z.avail_out};
}

// --- inflate ---

struct Inflater::Zlib {
  z_stream stream{};
  size_t bytes = 0;        // of the message, so far
  bool has_ended = false;  // with a block that says it is the last, and nothing behind it
  bool is_text = false;
  Utf8Validator utf8;
};

Inflater::Inflater() : zlib_(std::make_unique<Zlib>()) {
  const int result = inflateInit2(&zlib_->stream, kRaw);
  LIVEHUB_CHECK(result == Z_OK, "at the start there is memory for zlib");
}

Inflater::~Inflater() { inflateEnd(&zlib_->stream); }

Inflater::Result Inflater::inflate(std::string_view blocks, size_t bytes_max, bool is_text) {
  Zlib& zlib = *zlib_;
  const int reset = inflateReset(&zlib.stream);
  LIVEHUB_CHECK(reset == Z_OK, "an inflate state can be reset");
  zlib.bytes = 0;
  zlib.has_ended = false;
  zlib.is_text = is_text;
  zlib.utf8 = {};
  // Some peers send an empty message without the byte that RFC 7692 7.2.3.6 gives it.
  if (blocks.empty()) return {Verdict::kOk, {}};
  Verdict verdict = take(blocks, bytes_max);
  if (verdict == Verdict::kOk && !zlib.has_ended) verdict = take(kDeflateTail, bytes_max);
  if (verdict != Verdict::kOk) return {verdict, {}};
  constexpr int kBetweenBlocks = 128;  // zlib.h, inflate(): what data_type says
  if (!zlib.has_ended && (zlib.stream.data_type & kBetweenBlocks) == 0)
    return {Verdict::kBroken, {}};
  if (is_text && !zlib.utf8.complete()) return {Verdict::kNotUtf8, {}};
  return {Verdict::kOk, {buffer_.data(), zlib.bytes}};
}

Inflater::Verdict Inflater::take(std::string_view blocks, size_t bytes_max) {
  z_stream& z = zlib_->stream;
  z.next_in = zlib_bytes(blocks.data());
  z.avail_in = zlib_size(blocks.size());
  do {
    const Verdict verdict = step(bytes_max);
    if (verdict != Verdict::kOk) return verdict;
    // No room left over: there may be more to come even where all input is taken.
  } while (!zlib_->has_ended && (z.avail_in > 0 || z.avail_out == 0));
  return Verdict::kOk;
}

Inflater::Verdict Inflater::step(size_t bytes_max) {
  Zlib& zlib = *zlib_;
  z_stream& z = zlib.stream;
  if (zlib.bytes == buffer_.capacity())
    buffer_.reserve(std::min(std::max(kFirstBytes, 2 * zlib.bytes), bytes_max + 1), zlib.bytes);
  char* const place = buffer_.data() + zlib.bytes;
  const size_t room = std::min(buffer_.capacity(), bytes_max + 1) - zlib.bytes;
  z.next_out = zlib_bytes(place);
  z.avail_out = zlib_size(room);
  const int result = ::inflate(&z, Z_SYNC_FLUSH);
  const size_t made = room - z.avail_out;
  zlib.bytes += made;
  made_bytes_ += made;
  if (zlib.bytes > bytes_max) return Verdict::kTooBig;
  if (zlib.is_text && !zlib.utf8.feed({place, made})) return Verdict::kNotUtf8;
  if (result == Z_STREAM_END) {
    // RFC 7692 7.2.3.5: more blocks may follow one that says it is the last.
    zlib.has_ended = z.avail_in == 0;
    if (!zlib.has_ended && inflateReset(&z) != Z_OK) return Verdict::kBroken;
    return Verdict::kOk;
  }
  const bool is_starved = result == Z_BUF_ERROR && z.avail_in == 0;
  if (result != Z_OK && !is_starved) return Verdict::kBroken;
  return Verdict::kOk;
}

// --- stored blocks ---

size_t stored_blocks_bytes(size_t text_bytes) {
  return text_bytes + (text_bytes + kStoredMax - 1) / kStoredMax * kStoredHeadBytes;
}

char* write_stored_blocks(char* out, std::string_view text) {
  const size_t heads = stored_blocks_bytes(text.size()) - text.size();
  if (!text.empty()) std::memcpy(out + heads, text.data(), text.size());
  return store_in_place(out, text.size());
}

// From the front on each block's bytes move forward over the room of the heads still to come.
char* store_in_place(char* out, size_t text_bytes) {
  const char* text = out + (stored_blocks_bytes(text_bytes) - text_bytes);
  while (text_bytes > 0) {
    const size_t bytes = std::min(text_bytes, kStoredMax);
    const auto low = static_cast<char>(bytes & 0xff);
    const auto high = static_cast<char>(bytes >> 8);
    std::memmove(out + kStoredHeadBytes, text, bytes);
    out[0] = 0;  // not the last block; stored; the rest of the byte is unused
    out[1] = low;
    out[2] = high;
    out[3] = static_cast<char>(~low);
    out[4] = static_cast<char>(~high);
    out += kStoredHeadBytes + bytes;
    text += bytes;
    text_bytes -= bytes;
  }
  return out;
}

}  // namespace livehub::wire
