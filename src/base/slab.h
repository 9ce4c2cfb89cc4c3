// A table of T with dense 32-bit indexes: memory grows by chunks that never move, low indexes are
// reused first, and a chunk that became empty goes back to the kernel, so that memory after a crowd
// has left is what it was before. shard-local. Tests: tests/unit/base/slab_test.cc.
//
// Invariants: 1. an index is live from allocate() to release(); 2. a pointer from operator[] is
// valid that long; 3. T is value-initialised at allocate() and destroyed at release().
#pragma once

#include <sys/mman.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace livehub::base {

inline constexpr uint32_t kNoIndex = 0xffffffffu;

template <typename T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for (uint32_t c = 0; c < chunks_.size(); ++c) {
      if (!chunks_[c]) continue;
      for (uint32_t i = 0; i < kChunkItems; ++i)
        if (is_live(c, i)) chunks_[c]->items()[i].~T();
      unmap(c);
    }
  }

  // Returns the index of a fresh T{args...}.
  template <typename... Args>
  uint32_t allocate(Args&&... args) {
    uint32_t c = lowest_with_room();
    Chunk* chunk = chunks_[c];
    uint32_t word = 0;
    while (chunk->free[word] == 0) ++word;
    const uint32_t bit = static_cast<uint32_t>(std::countr_zero(chunk->free[word]));
    chunk->free[word] &= chunk->free[word] - 1;
    const uint32_t i = word * 64 + bit;
    ++chunk->live;
    ++live_;
    set_readable(&chunk->items()[i], sizeof(T), true);
    new (&chunk->items()[i]) T{std::forward<Args>(args)...};
    return c * kChunkItems + i;
  }

  // The same at an index that the caller chose (its own numbering, as the io slots').
  void allocate_at(uint32_t index) {
    const uint32_t c = index / kChunkItems;
    const uint32_t i = index % kChunkItems;
    if (c >= chunks_.size()) chunks_.resize(c + 1, nullptr);
    if (!chunks_[c]) map(c);
    LIVEHUB_CHECK(!is_live(c, i), "a slab slot is taken once at a time");
    chunks_[c]->free[i / 64] &= ~(uint64_t{1} << (i % 64));
    ++chunks_[c]->live;
    ++live_;
    set_readable(&chunks_[c]->items()[i], sizeof(T), true);
    new (&chunks_[c]->items()[i]) T{};
  }

  void release(uint32_t index) {
    const uint32_t c = index / kChunkItems;
    const uint32_t i = index % kChunkItems;
    LIVEHUB_CHECK(contains(index), "only a live slab slot can be released");
    chunks_[c]->items()[i].~T();
    set_readable(&chunks_[c]->items()[i], sizeof(T), false);
    chunks_[c]->free[i / 64] |= uint64_t{1} << (i % 64);
    --live_;
    // The first chunk stays, or a lone client that comes and goes would map memory each time.
    if (--chunks_[c]->live == 0 && c != 0) unmap(c);
    if (c < hint_) hint_ = c;
  }

  bool contains(uint32_t index) const {
    const uint32_t c = index / kChunkItems;
    return c < chunks_.size() && chunks_[c] && is_live(c, index % kChunkItems);
  }

  T& operator[](uint32_t index) {
    return chunks_[index / kChunkItems]->items()[index % kChunkItems];
  }
  const T& operator[](uint32_t index) const {
    return chunks_[index / kChunkItems]->items()[index % kChunkItems];
  }

  uint32_t live() const { return live_; }
  // One past the highest index that may be live; for walks over all of them (tests, debug pages).
  uint32_t index_end() const { return static_cast<uint32_t>(chunks_.size()) * kChunkItems; }
  size_t memory_bytes() const { return mapped_ * kChunkBytes; }

  // Takes the first chunk, which is never given back, at start-up and not in a client's time.
  void prepare() {
    if (chunks_.empty()) chunks_.push_back(nullptr);
    if (!chunks_[0]) map(0, MAP_POPULATE);
  }
  void prefetch(uint32_t index) const { __builtin_prefetch(&(*this)[index]); }

 private:
  static constexpr size_t kTargetBytes = sizeof(T) * 512 < 16384 ? 16384 : 65536;
  static constexpr uint32_t kFit = static_cast<uint32_t>((kTargetBytes - 192) / sizeof(T));
  static constexpr uint32_t kChunkItems = std::bit_floor(kFit);
  static constexpr uint32_t kWords = (kChunkItems + 63) / 64;

  struct Chunk {
    uint64_t free[kWords];
    uint32_t live;
    T* items() { return reinterpret_cast<T*>(reinterpret_cast<char*>(this) + kItemsOffset); }
    const T* items() const {
      return reinterpret_cast<const T*>(reinterpret_cast<const char*>(this) + kItemsOffset);
    }
  };
  static constexpr size_t kItemsOffset = (sizeof(Chunk) + 63) / 64 * 64;
  static constexpr size_t kChunkBytes =
      (kItemsOffset + kChunkItems * sizeof(T) + 4095) / 4096 * 4096;
  static_assert(kChunkItems >= 2, "T is too large for a slab");

  bool is_live(uint32_t c, uint32_t i) const {
    return (chunks_[c]->free[i / 64] >> (i % 64) & 1) == 0;
  }

  uint32_t lowest_with_room() {
    for (; hint_ < chunks_.size(); ++hint_)
      if (!chunks_[hint_] || chunks_[hint_]->live < kChunkItems) break;
    if (hint_ == chunks_.size()) chunks_.push_back(nullptr);
    if (!chunks_[hint_]) map(hint_);
    return hint_;
  }

  // So that the address sanitizer reports who follows a stale index.
  static void set_readable([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes,
                           [[maybe_unused]] bool is_readable) {
#if defined(__SANITIZE_ADDRESS__)
    if (is_readable)
      ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    else
      ASAN_POISON_MEMORY_REGION(memory, bytes);
#endif
  }

  void map(uint32_t c, int how = 0) {
    void* memory = ::mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | how, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    chunks_[c] = static_cast<Chunk*>(memory);
    for (uint32_t w = 0; w < kWords; ++w) {
      const uint32_t left = kChunkItems - w * 64;
      chunks_[c]->free[w] = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
    }
    set_readable(chunks_[c]->items(), kChunkItems * sizeof(T), false);
    ++mapped_;
  }
  void unmap(uint32_t c) {
    set_readable(chunks_[c]->items(), kChunkItems * sizeof(T), true);
    ::munmap(chunks_[c], kChunkBytes);
    chunks_[c] = nullptr;
    --mapped_;
  }

  std::vector<Chunk*> chunks_;
  uint32_t hint_ = 0;  // no chunk below this one has room
  uint32_t live_ = 0;
  size_t mapped_ = 0;
};

}  // namespace livehub::base
