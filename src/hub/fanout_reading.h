// Private to fanout*.cc: sizes of a batch, and a subscription's place while a send is put together.
#pragma once

#include "hub/fanout.h"

namespace livehub::hub {

inline constexpr uint32_t kBatchPeers = 256;
inline constexpr uint32_t kPiecesPerSend = 64;  // as io::kPiecesMax
inline constexpr uint32_t kBatchPieces = 4096;
inline constexpr uint32_t kSendBytesMax = 1 << 20;

struct Fanout::Reading {
  SubscriptionId subscription;
  uint64_t cursor;
  uint64_t hint;
  uint64_t order;  // append order of the entry at the cursor
};

}  // namespace livehub::hub
