// The sockets of one driver: a slot each, named by Socket (index and generation). shard-local;
// owned by its driver. Memory grows by chunks, low indexes are reused first, and empty chunks go
// back to the kernel (base::Slab). Tests: tests/unit/io/socket_table_test.cc.
//
// Invariants:
//   1. A slot is live from open() to release(); between begin_close() and release() it is closing:
//      the kernel may still complete operations of it, find() no longer knows it, its index is not
//      reused.
//   2. Generations come from one counter of the table, have 28 bits (so that they fit into an
//      io_uring user_data beside the index) and are never 0. An index meets the same generation
//      again after 2^28 connections at the earliest; by then the kernel has let go of the first
//      (invariant 1).
#pragma once

#include <cstdint>

#include "base/slab.h"
#include "io/io.h"

namespace livehub::io {

inline constexpr uint32_t kGenerationBits = 28;
inline constexpr uint32_t kGenerationMax = (1u << kGenerationBits) - 1;

constexpr uint32_t generation_after(uint32_t generation) {
  return generation == kGenerationMax ? 1 : generation + 1;
}

struct Slot {
  enum Flag : uint16_t {
    kClosing = 1 << 0,        // close() was called
    kPaused = 1 << 1,         // pause_receive()
    kEnded = 1 << 2,          // on_receive_end() was called, or is about to be
    kWantsWritable = 1 << 3,  // want_writable() waits for its on_writable()
    kReadWatched = 1 << 4,    // the kernel watches it for bytes (epoll: in the mask; uring: a poll)
    kWriteWatched = 1 << 5,   // the same for room
    kQueued = 1 << 6,         // uring: waits in the ready queue
    kStashed = 1 << 7,        // uring: bytes received before a pause wait for the resume
  };

  int32_t fd = -1;  // descriptor, or index into the ring's table of direct descriptors
  uint32_t generation = 0;
  uint16_t flags = 0;
  uint8_t in_flight = 0;  // uring: operations whose completions name this slot
  uint8_t error = 0;      // errno that a send or a receive met; told by on_receive_end()

  bool has(uint16_t mask) const { return (flags & mask) != 0; }
  void set(uint16_t mask) { flags = static_cast<uint16_t>(flags | mask); }
  void clear(uint16_t mask) { flags = static_cast<uint16_t>(flags & ~mask); }
};
static_assert(base::Slab<Slot>::item_bytes() <= 16, "a slot is paid for by every connection");

class SocketTable {
 public:
  explicit SocketTable(uint32_t sockets_max) : sockets_max_(sockets_max) {}

  // The table must not be full.
  Socket open(int fd) {
    const uint32_t index = slots_.allocate(Slot{.fd = fd, .generation = next_generation()});
    ++open_count_;
    return {index, slots_[index].generation};
  }

  // The slot of an open socket, else null.
  Slot* find(Socket socket) {
    Slot* slot = find_live(socket);
    return slot && !slot->has(Slot::kClosing) ? slot : nullptr;
  }
  // Of an open or closing one.
  Slot* find_live(Socket socket) {
    if (!slots_.contains(socket.index)) return nullptr;
    Slot& slot = slots_[socket.index];
    return slot.generation == socket.generation ? &slot : nullptr;
  }

  void begin_close(Slot& slot) {
    slot.set(Slot::kClosing);
    --open_count_;
  }
  void release(uint32_t index) { slots_.release(index); }

  // visit(Socket, Slot&) for every live slot. Slow: for the end of a driver.
  template <typename Visit>
  void for_each(Visit visit) {
    for (uint32_t i = 0; i < slots_.index_end(); ++i)
      if (slots_.contains(i)) visit(Socket{i, slots_[i].generation}, slots_[i]);
  }

  bool is_empty() const { return slots_.live() == 0; }
  bool is_full() const { return slots_.live() >= sockets_max_; }
  uint32_t spare() const { return sockets_max_ - slots_.live(); }
  uint32_t open_count() const { return open_count_; }
  uint32_t sockets_max() const { return sockets_max_; }
  size_t memory_bytes() const { return slots_.memory_bytes(); }

 private:
  uint32_t next_generation() { return generation_ = generation_after(generation_); }

  base::Slab<Slot> slots_;
  uint32_t sockets_max_;
  uint32_t open_count_ = 0;
  uint32_t generation_ = 0;
};

}  // namespace livehub::io
