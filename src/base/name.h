// A name in eight bytes and one allocation of its exact size: std::string takes 32
// bytes in every table that holds one. immutable; movable. Tests: tests/unit/base/name_test.cc.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace livehub::base {

class Name {
 public:
  Name() = default;  // the empty one
  explicit Name(std::string_view text) {
    const auto length = static_cast<uint32_t>(text.size());
    bytes_ = std::make_unique_for_overwrite<char[]>(sizeof length + length);
    std::memcpy(bytes_.get(), &length, sizeof length);
    text.copy(bytes_.get() + sizeof length, length);
  }

  // Valid while the name, or what it was moved to, lives.
  std::string_view view() const {
    if (!bytes_) return {};
    uint32_t length;
    std::memcpy(&length, bytes_.get(), sizeof length);
    return {bytes_.get() + sizeof length, length};
  }

 private:
  std::unique_ptr<char[]> bytes_;  // the length, then the text
};
static_assert(sizeof(Name) == 8, "every channel has one");

}  // namespace livehub::base
