// Who of the shards sleeps in the kernel and must be woken when there is mail. mailbox.
//
// A shard that wants to sleep says so, then looks for mail once more; a sender announces its mail,
// then looks whether the receiver sleeps. Both in sequentially consistent order, so one of them
// sees the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "io/io.h"

namespace livehub::shard {

inline constexpr uint32_t kShardsMax = 256;

class Doors {
 public:
  explicit Doors(uint32_t shards) : doors_(shards) {}

  // By the shard itself, before any other thread may knock.
  void open(uint32_t shard, io::Driver* driver) {
    doors_[shard].driver.store(driver, std::memory_order_release);  // pairs with knock()
  }
  // Before the driver goes away. Sources knock until they are stopped, which is later: whoever is
  // about to wake the driver is waited for (a system call's time), whoever comes now finds none.
  void close(uint32_t shard) {
    Door& door = doors_[shard];
    door.driver.store(nullptr, std::memory_order_seq_cst);
    while (door.knocking.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  }
  // Announces sleep; the caller then checks for mail before it really sleeps.
  void fall_asleep(uint32_t shard) { doors_[shard].asleep.store(true, std::memory_order_seq_cst); }
  void wake_up(uint32_t shard) { doors_[shard].asleep.store(false, std::memory_order_relaxed); }

  // Any thread, after its mail was announced.
  void knock(uint32_t shard) {
    Door& door = doors_[shard];
    if (!door.asleep.load(std::memory_order_seq_cst)) return;
    if (!door.asleep.exchange(false, std::memory_order_seq_cst)) return;  // someone else knocked
    door.knocking.fetch_add(1, std::memory_order_seq_cst);  // before the driver is looked at
    if (io::Driver* driver = door.driver.load(std::memory_order_seq_cst)) driver->wake();
    door.knocking.fetch_sub(1, std::memory_order_release);  // pairs with close()
  }

 private:
  struct alignas(64) Door {
    std::atomic<bool> asleep{false};
    std::atomic<uint32_t> knocking{0};
    std::atomic<io::Driver*> driver{nullptr};
  };
  std::vector<Door> doors_;
};

}  // namespace livehub::shard
