// DEFLATE (RFC 1951) for single messages, out of zlib's hands: what one message is compressed to
// refers to nothing before it and ends at a byte's end, so that the same bytes can be sent to
// everybody, in a WebSocket frame (RFC 7692) as in the middle of a gzip stream. One inflater reads
// the messages of all connections of a shard, one after the other: no connection owns zlib state.
// shard-local. Both keep their buffers between messages; shrink() gives back what a large one made.
// Limits: a Deflater has 260 KB of zlib, an Inflater 40 KB, and each a buffer of at most
// kBufferKeptBytes after shrink().
// Tests: tests/unit/wire/deflate_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace livehub::wire {

inline constexpr size_t kBufferKeptBytes = 256 * 1024;
inline constexpr size_t kZlibBytes = 300 * 1024;  // of a Deflater and an Inflater, for a budget

// The empty stored block, without the three bits before it, that a flush ends with.
inline constexpr std::string_view kDeflateTail("\x00\x00\xff\xff", 4);

// A buffer that grows without being filled, and forgets what was in it.
class DeflateBuffer {
 public:
  char* data() { return bytes_.get(); }
  size_t capacity() const { return capacity_; }
  // At least so many bytes; the first `kept` stay as they are.
  void reserve(size_t bytes, size_t kept);
  void shrink();

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
};

class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Blocks that hold `text` and end with kDeflateTail, of at most bytes_max bytes. Empty if that is
  // not enough. Valid until the next call.
  std::string_view compress(std::string_view text, size_t bytes_max);
  void shrink() { buffer_.shrink(); }

 private:
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
  DeflateBuffer buffer_;
};

class Inflater {
 public:
  enum class Verdict : uint8_t { kOk, kBroken, kTooBig, kNotUtf8 };
  struct Result {
    Verdict verdict;
    std::string_view text;  // kOk: valid until the next call
  };

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // A message as RFC 7692 7.2.2 has it: its blocks without kDeflateTail. Stops at the first byte
  // that is wrong, or one too many: a bomb costs no more than bytes_max.
  Result inflate(std::string_view blocks, size_t bytes_max, bool is_text);
  void shrink() { buffer_.shrink(); }
  // Ever, of refused messages too: what this has cost.
  [[nodiscard]] uint64_t made_bytes() const { return made_bytes_; }

 private:
  struct Zlib;
  Verdict take(std::string_view blocks, size_t bytes_max);
  Verdict step(size_t bytes_max);

  std::unique_ptr<Zlib> zlib_;
  DeflateBuffer buffer_;
  uint64_t made_bytes_ = 0;
};

// Bytes as stored blocks, neither compressed nor changed (RFC 1951 3.2.4): how a short text stands
// among compressed ones. No kDeflateTail behind them.
inline constexpr size_t kStoredHeadBytes = 5;
size_t stored_blocks_bytes(size_t text_bytes);
char* write_stored_blocks(char* out, std::string_view text);
// The same where the text has been written already, to the last text_bytes of
// out[0 .. stored_blocks_bytes(text_bytes)).
char* store_in_place(char* out, size_t text_bytes);

}  // namespace livehub::wire
