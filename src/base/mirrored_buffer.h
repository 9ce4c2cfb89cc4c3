// Memory that is mapped twice in a row, so that any range of at most size() bytes is contiguous,
// however it wraps: what a broadcast ring needs to send "from a cursor to the head" as one piece.
// shard-local. Tests: tests/unit/base/mirrored_buffer_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace livehub::base {

class MirroredBuffer {
 public:
  MirroredBuffer() = default;
  // size_bytes: a power of two, at least a page. Throws std::bad_alloc where the kernel has no
  // memory.
  explicit MirroredBuffer(size_t size_bytes);
  MirroredBuffer(MirroredBuffer&& other) noexcept;
  MirroredBuffer& operator=(MirroredBuffer&& other) noexcept;
  MirroredBuffer(const MirroredBuffer&) = delete;
  MirroredBuffer& operator=(const MirroredBuffer&) = delete;
  ~MirroredBuffer();

  size_t size() const { return size_; }
  // The byte at a position that only ever grows; [at(p), at(p) + size()) is readable and writable.
  char* at(uint64_t position) const { return base_ + (position & (size_ - 1)); }

 private:
  char* base_ = nullptr;
  size_t size_ = 0;
};

}  // namespace livehub::base
