// The one source of chance of a simulated run: the same seed gives the same run, on every machine.
// One thread. Not for secrets.
#pragma once

#include <cstdint>

namespace livehub::io {

class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}

  uint64_t next() {  // splitmix64
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  // 0 .. end-1; end > 0.
  uint64_t below(uint64_t end) { return next() % end; }
  // least .. most, both included.
  uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
  bool chance(uint32_t per_myriad) { return below(10'000) < per_myriad; }
  template <typename List>
  auto& pick(List& list) {
    return list[below(list.size())];
  }
  template <typename List>
  void shuffle(List& list) {
    for (uint64_t i = list.size(); i > 1; --i) {
      const uint64_t other = below(i);
      auto moved = list[i - 1];
      list[i - 1] = list[other];
      list[other] = moved;
    }
  }

 private:
  uint64_t state_;
};

}  // namespace livehub::io
