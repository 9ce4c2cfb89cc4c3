#include "io/socket_table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace livehub::io {
namespace {

TEST(SocketTable, FindsOnlyOpenTenants) {
  SocketTable table(10);
  const Socket socket = table.open(42);
  ASSERT_NE(table.find(socket), nullptr);
  EXPECT_EQ(table.find(socket)->fd, 42);
  EXPECT_EQ(table.find({socket.index, socket.generation + 1}), nullptr);
  EXPECT_EQ(table.find({socket.index, 0}), nullptr);
  EXPECT_EQ(table.find({socket.index + 1, socket.generation}), nullptr);
  EXPECT_EQ(table.find({0xffffffffu, socket.generation}), nullptr);
  table.begin_close(*table.find(socket));
  EXPECT_EQ(table.find(socket), nullptr);
  EXPECT_NE(table.find_live(socket), nullptr);
  EXPECT_EQ(table.open_count(), 0u);
  EXPECT_EQ(table.spare(), 9u) << "a closing one still takes its slot";
  table.release(socket.index);
  EXPECT_EQ(table.find_live(socket), nullptr);
  EXPECT_EQ(table.spare(), 10u);
}

TEST(SocketTable, LowIndexesFirstWithNewGenerations) {
  SocketTable table(5000);
  std::vector<Socket> sockets;
  for (int i = 0; i < 3000; ++i) sockets.push_back(table.open(i));
  EXPECT_EQ(sockets.back().index, 2999u);
  for (const uint32_t index : {7u, 2000u, 3u}) table.release(index);
  const Socket again = table.open(1);
  EXPECT_EQ(again.index, 3u);
  EXPECT_NE(again.generation, sockets[3].generation);
  EXPECT_EQ(table.find(sockets[3]), nullptr);
  EXPECT_EQ(table.open(1).index, 7u);
  EXPECT_EQ(table.open(1).index, 2000u);
  EXPECT_EQ(table.open(1).index, 3000u);
}

TEST(SocketTable, KnowsWhenItIsFull) {
  SocketTable table(3);
  EXPECT_TRUE(table.is_empty());
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(table.is_full());
    table.open(i);
  }
  EXPECT_TRUE(table.is_full());
  table.release(1);
  EXPECT_FALSE(table.is_full());
}

TEST(SocketTable, MemoryOfACrowdIsGivenBack) {
  SocketTable table(100'000);
  table.release(table.open(0).index);
  const size_t before = table.memory_bytes();
  for (int i = 0; i < 100'000; ++i) table.open(i);
  EXPECT_LE(table.memory_bytes(), 100'000u * 17);
  for (uint32_t i = 0; i < 100'000; ++i) table.release(i);
  EXPECT_EQ(table.memory_bytes(), before);
}

TEST(SocketTable, GenerationsHave28BitsAndAreNeverZero) {
  EXPECT_EQ(generation_after(0), 1u);
  EXPECT_EQ(generation_after(kGenerationMax - 1), kGenerationMax);
  EXPECT_EQ(generation_after(kGenerationMax), 1u);
  EXPECT_EQ(kGenerationMax, 0x0fffffffu);
}

}  // namespace
}  // namespace livehub::io
