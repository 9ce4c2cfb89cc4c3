// The frames of all cold streams of a shard in one mirrored ring. An entry is a header and one
// whole frame; it links to the next entry of its own stream, so a quiet channel owns no buffer at
// all. shard-local. Positions are bytes since the start and never wrap; 0 is "none" (the first
// entry stands at kAlign).
#pragma once

#include <cstdint>

#include "base/mirrored_buffer.h"
#include "hub/block.h"
#include "hub/hot_store.h"

namespace livehub::hub {

class Arena {
 public:
  struct Header {
    uint64_t next;      // position of the stream's next entry, 0: none yet
    uint64_t sequence;  // in its stream
    uint64_t append_order;
    uint64_t offset;
    Block* block;  // not null: the frame is there, bytes after the header are unused
    uint32_t bytes;
    uint32_t skip_serial;
    uint32_t stream;
    uint32_t tenancy;  // of the stream's slot and storage; another one: the entry is nobody's
  };

  // Where positions begin: tests begin high, as if much had been through the arena already.
  static constexpr uint64_t kBegin = 8;

  explicit Arena(size_t bytes, uint64_t begin = kBegin)
      : ring_(bytes), head_(begin), tail_(begin) {}

  size_t bytes() const { return ring_.size(); }
  uint64_t head() const { return head_; }
  uint64_t tail() const { return tail_; }
  bool is_empty() const { return head_ == tail_; }
  // What an entry with a frame of so many bytes takes.
  static uint64_t size_of(uint32_t frame_bytes) {
    return (sizeof(Header) + frame_bytes + kAlign - 1) / kAlign * kAlign;
  }
  bool fits(size_t entry_bytes) const { return head_ - tail_ + entry_bytes <= ring_.size(); }

  // Room for one entry of frame_bytes (0 for a block); needs fits(). The header is the caller's to
  // fill.
  uint64_t push(uint32_t frame_bytes) {
    const uint64_t position = head_;
    head_ += size_of(frame_bytes);
    return position;
  }
  // A position in four bytes, for what is kept by the million: it names an entry as long as that is
  // in the arena. 0 for none, and, rarely, for an entry too.
  static uint32_t place_of(uint64_t position) { return static_cast<uint32_t>(position / kAlign); }
  uint64_t position_of(uint32_t place) const {
    const uint32_t distance = static_cast<uint32_t>(head_ / kAlign) - place;
    return head_ - distance * kAlign;
  }
  // Forgets the oldest entry.
  void pop() { tail_ += size_of(at(tail_)->block ? 0 : at(tail_)->bytes); }

  Header* at(uint64_t position) const { return reinterpret_cast<Header*>(ring_.at(position)); }
  EntryView view(uint64_t position) const {
    Header* h = at(position);
    char* data = h->block ? h->block->data() : reinterpret_cast<char*>(h + 1);
    return {data, h->bytes, h->skip_serial, h->append_order, h->offset, h->block};
  }

 private:
  static constexpr uint64_t kAlign = 8;

  base::MirroredBuffer ring_;
  uint64_t head_;
  uint64_t tail_;
};

}  // namespace livehub::hub
