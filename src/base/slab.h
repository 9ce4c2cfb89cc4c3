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
    for (Chunk& chunk : chunks_) {
      if (!chunk.items) continue;
      for (uint32_t i = 0; i < kChunkItems; ++i)
        if (chunk.is_live(i)) chunk.items[i].~T();
      unmap(chunk);
    }
  }

  // Returns the index of a fresh T{args...}.
  template <typename... Args>
  uint32_t allocate(Args&&... args) {
    const uint32_t c = lowest_with_room();
    Chunk& chunk = chunks_[c];
    uint32_t word = 0;
    while (chunk.free[word] == 0) ++word;
    const uint32_t i = word * 64 + static_cast<uint32_t>(std::countr_zero(chunk.free[word]));
    take(chunk, i);
    new (&chunk.items[i]) T{std::forward<Args>(args)...};
    return c * kChunkItems + i;
  }

  // The same at an index that the caller chose (its own numbering, as the io slots').
  void allocate_at(uint32_t index) {
    const uint32_t c = index / kChunkItems;
    const uint32_t i = index % kChunkItems;
    if (c >= chunks_.size()) chunks_.resize(c + 1);
    Chunk& chunk = chunks_[c];
    if (!chunk.items) map(chunk);
    LIVEHUB_CHECK(!chunk.is_live(i), "a slab slot is taken once at a time");
    take(chunk, i);
    new (&chunk.items[i]) T{};
  }

  void release(uint32_t index) {
    const uint32_t c = index / kChunkItems;
    const uint32_t i = index % kChunkItems;
    LIVEHUB_CHECK(contains(index), "only a live slab slot can be released");
    Chunk& chunk = chunks_[c];
    chunk.items[i].~T();
    set_readable(&chunk.items[i], sizeof(T), false);
    chunk.free[i / 64] |= uint64_t{1} << (i % 64);
    --live_;
    // The first chunk stays, or a lone client that comes and goes would map memory each time.
    if (--chunk.live == 0 && c != 0) unmap(chunk);
    if (c < hint_) hint_ = c;
  }

  bool contains(uint32_t index) const {
    const uint32_t c = index / kChunkItems;
    return c < chunks_.size() && chunks_[c].items && chunks_[c].is_live(index % kChunkItems);
  }

  T& operator[](uint32_t index) { return chunks_[index / kChunkItems].items[index % kChunkItems]; }
  const T& operator[](uint32_t index) const {
    return chunks_[index / kChunkItems].items[index % kChunkItems];
  }

  uint32_t live() const { return live_; }
  // One past the highest index that may be live; for walks over all of them (tests, debug pages).
  uint32_t index_end() const { return static_cast<uint32_t>(chunks_.size()) * kChunkItems; }
  size_t memory_bytes() const { return mapped_ * kChunkBytes; }

  // Takes the first chunk, which is never given back, at start-up and not in a client's time.
  void prepare() {
    if (chunks_.empty()) chunks_.emplace_back();
    if (!chunks_[0].items) map(chunks_[0], MAP_POPULATE);
  }
  void prefetch(uint32_t index) const { __builtin_prefetch(&(*this)[index]); }

  // What a T takes, the unused end of its chunk included.
  static constexpr size_t item_bytes() { return kChunkBytes / kChunkItems; }

 private:
  static constexpr size_t kPage = 4096;
  static constexpr size_t in_pages(uint32_t items) {
    return (items * sizeof(T) + kPage - 1) / kPage * kPage;
  }
  // A power of two of items in at least 16 KB, and more until they fill their pages to a 64th.
  static constexpr uint32_t items_of_chunk() {
    uint32_t items = 64;
    while (items * sizeof(T) < 16384) items *= 2;
    while ((in_pages(items) - items * sizeof(T)) * 64 > in_pages(items)) items *= 2;
    return items;
  }
  static constexpr uint32_t kChunkItems = items_of_chunk();
  static constexpr uint32_t kWords = kChunkItems / 64;
  static constexpr size_t kChunkBytes = in_pages(kChunkItems);

  // What is known of a chunk stands outside of it, so that its items fill whole pages.
  struct Chunk {
    T* items = nullptr;
    uint32_t live = 0;
    uint64_t free[kWords] = {};
    bool is_live(uint32_t i) const { return (free[i / 64] >> (i % 64) & 1) == 0; }
  };

  uint32_t lowest_with_room() {
    for (; hint_ < chunks_.size(); ++hint_)
      if (!chunks_[hint_].items || chunks_[hint_].live < kChunkItems) break;
    if (hint_ == chunks_.size()) chunks_.emplace_back();
    if (!chunks_[hint_].items) map(chunks_[hint_]);
    return hint_;
  }

  void take(Chunk& chunk, uint32_t i) {
    chunk.free[i / 64] &= ~(uint64_t{1} << (i % 64));
    ++chunk.live;
    ++live_;
    set_readable(&chunk.items[i], sizeof(T), true);
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

  void map(Chunk& chunk, int how = 0) {
    void* memory = ::mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | how, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    chunk.items = static_cast<T*>(memory);
    for (uint64_t& word : chunk.free) word = ~uint64_t{0};
    set_readable(chunk.items, kChunkBytes, false);
    ++mapped_;
  }
  void unmap(Chunk& chunk) {
    set_readable(chunk.items, kChunkBytes, true);
    ::munmap(static_cast<void*>(chunk.items), kChunkBytes);
    chunk.items = nullptr;
    --mapped_;
  }

  std::vector<Chunk> chunks_;
  uint32_t hint_ = 0;  // no chunk below this one has room
  uint32_t live_ = 0;
  size_t mapped_ = 0;
};

}  // namespace livehub::base
