// The bytes of a hot stream: a mirrored ring with the frames back to back, so that everything from
// one cursor to the head is a single piece, and an index of where each frame stands. shard-local.
// Entries are named by their sequence number in the stream; [first, next) are kept.
#pragma once

#include <cstdint>
#include <vector>

#include "base/mirrored_buffer.h"
#include "base/slab.h"
#include "hub/block.h"

namespace livehub::hub {

// A frame as a sender sees it: bytes, and the one peer that is skipped (Peer::serial; kNoIndex:
// nobody).
struct EntryView {
  char* data = nullptr;
  uint32_t bytes = 0;
  uint32_t skip_serial = base::kNoIndex;
  uint64_t append_order = 0;  // across all streams of the shard
  uint64_t offset = 0;        // the message's, in its channel
  Block* block = nullptr;     // not null: a large frame, not in the ring
};

class HotStore {
 public:
  explicit HotStore(size_t ring_bytes) : ring_(ring_bytes) {}
  HotStore(const HotStore&) = delete;
  HotStore& operator=(const HotStore&) = delete;
  ~HotStore() {
    while (first_ < next_) drop_first();
  }

  size_t ring_bytes() const { return ring_.size(); }
  uint64_t first() const { return first_; }
  uint64_t next() const { return next_; }
  // Numbers go on from here; only while the store is empty.
  void start_at(uint64_t sequence) { first_ = next_ = sequence; }

  // The index is bounded too: many tiny frames would take more memory there than in the ring.
  static size_t entries_max(size_t ring_bytes) { return ring_bytes / 64; }
  bool fits(size_t bytes) const {
    return used_bytes() + bytes <= ring_.size() && next_ - first_ < entries_max(ring_.size());
  }
  size_t used_bytes() const {
    return first_ == next_ ? 0 : static_cast<size_t>(head_ - entry(first_).begin);
  }
  size_t block_bytes() const { return block_bytes_; }

  // Room for one frame, to be written by the caller before anything else. Needs fits(bytes).
  char* append(uint32_t bytes, uint32_t skip_serial, uint64_t append_order, uint64_t offset) {
    char* place = ring_.at(head_);
    push({head_, append_order, offset, nullptr, bytes, skip_serial});
    head_ += bytes;
    return place;
  }
  // Takes over one reference.
  void append_block(Block* block, uint32_t skip_serial, uint64_t append_order, uint64_t offset) {
    push({head_, append_order, offset, block, block->bytes, skip_serial});
    block_bytes_ += block->bytes;
  }

  EntryView view(uint64_t sequence) const {
    const Entry& e = entry(sequence);
    return {e.block ? e.block->data() : ring_.at(e.begin),
            e.bytes,
            e.skip_serial,
            e.append_order,
            e.offset,
            e.block};
  }
  void drop_first() {
    Entry& e = entries_[first_ & mask()];
    if (e.block) {
      block_bytes_ -= e.block->bytes;
      e.block->let_go();
    }
    ++first_;
  }

  // Everything in [from, to) as one piece; only where no entry of the range is irregular.
  bool is_plain(uint64_t from) const { return from >= irregular_end_; }
  char* range_data(uint64_t from) const { return ring_.at(entry(from).begin); }
  size_t range_bytes(uint64_t from, uint64_t to) const {
    return static_cast<size_t>((to == next_ ? head_ : entry(to).begin) - entry(from).begin);
  }

 private:
  struct Entry {
    uint64_t begin;
    uint64_t append_order;
    uint64_t offset;
    Block* block;
    uint32_t bytes;
    uint32_t skip_serial;
  };

  uint64_t mask() const { return entries_.size() - 1; }
  const Entry& entry(uint64_t sequence) const { return entries_[sequence & mask()]; }
  void push(const Entry& e);

  base::MirroredBuffer ring_;
  std::vector<Entry> entries_ =
      std::vector<Entry>(64);  // a power of two; grows, bounded by the ring
  uint64_t head_ = 0;          // byte position
  uint64_t first_ = 0;
  uint64_t next_ = 0;
  uint64_t irregular_end_ = 0;  // one past the last entry that is a block or skips a peer
  size_t block_bytes_ = 0;
};

}  // namespace livehub::hub
