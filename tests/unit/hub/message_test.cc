#include "hub/message.h"

#include <gtest/gtest.h>

#include <set>

namespace livehub::hub {
namespace {

TEST(Message, HoldsItsChannelAndPayload) {
  const MessagePtr message = MessagePtr::make("news", "hello");
  EXPECT_EQ(message->channel(), "news");
  EXPECT_EQ(message->payload(), "hello");
  EXPECT_EQ(message->memory_bytes(), sizeof(Message) + 9);
  EXPECT_EQ(message->skip, kNobody);
  const MessagePtr empty = MessagePtr::make("", "");
  EXPECT_EQ(empty->payload(), "");
  EXPECT_EQ(empty->channel(), "");
}

TEST(Message, IsCountedThroughCopiesMovesAndRelease) {
  MessagePtr first = MessagePtr::make("c", "p");
  {
    MessagePtr second = first;
    EXPECT_EQ(first->references.load(), 2U);
    MessagePtr third = std::move(second);
    EXPECT_FALSE(second);
    EXPECT_EQ(first->references.load(), 2U);
    third = third;
    EXPECT_EQ(first->references.load(), 2U);
    MessagePtr fourth = MessagePtr::adopt(third.release());
    EXPECT_EQ(first->references.load(), 2U);
  }
  EXPECT_EQ(first->references.load(), 1U);
  first = MessagePtr();
  EXPECT_FALSE(first);
}

TEST(Message, PeerNamesDiffer) {
  std::set<uint64_t> names;
  for (const uint32_t shard : {0u, 1u, 255u})
    for (const uint32_t generation : {0u, 1u, 0xffffffu})
      for (const uint32_t index : {0u, 1u, 0xfffffffeu})
        EXPECT_TRUE(names.insert(peer_name(shard, generation, index)).second);
  EXPECT_FALSE(names.contains(kNobody));
  EXPECT_EQ(static_cast<uint32_t>(peer_name(255, 7, 12345)), 12345U);
  EXPECT_EQ(peer_name(255, 7, 1) >> 56, 255U);
}

}  // namespace
}  // namespace livehub::hub
