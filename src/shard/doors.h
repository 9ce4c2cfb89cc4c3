// Who of the shards sleeps in the kernel and must be woken when there is mail. mailbox.
//
// A shard that wants to sleep says so, then looks for mail once more; a sender announces its mail,
// then looks whether the receiver sleeps. Both in sequentially consistent order, so one of them
// sees the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "io/io.h"

namespace livehub::shard {

inline constexpr uint32_t kShardsMax = 256;

class Doors {
 public:
  explicit Doors(uint32_t shards) : doors_(shards) {}

  // By the shard itself, before any other thread may knock; null again before its driver goes away.
  void open(uint32_t shard, io::Driver* driver) {
    doors_[shard].driver.store(driver, std::memory_order_release);  // pairs with knock()
  }
  // Announces sleep; the caller then checks for mail before it really sleeps.
  void fall_asleep(uint32_t shard) { doors_[shard].asleep.store(true, std::memory_order_seq_cst); }
  void wake_up(uint32_t shard) { doors_[shard].asleep.store(false, std::memory_order_relaxed); }

  // Any thread, after its mail was announced.
  void knock(uint32_t shard) {
    Door& door = doors_[shard];
    if (!door.asleep.load(std::memory_order_seq_cst)) return;
    if (!door.asleep.exchange(false, std::memory_order_seq_cst)) return;  // someone else knocked
    if (io::Driver* driver = door.driver.load(std::memory_order_acquire)) driver->wake();
  }

 private:
  struct alignas(64) Door {
    std::atomic<bool> asleep{false};
    std::atomic<io::Driver*> driver{nullptr};
  };
  std::vector<Door> doors_;
};

}  // namespace livehub::shard
