// A list of small plain items in 16 bytes, one or two of them in place: for tables whose rows
// mostly list one thing, where std::vector takes 24 bytes and an allocation. Grows by doubling;
// down to what fits in place it gives its block back. shard-local. Tests:
// tests/unit/base/short_list_test.cc.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

namespace livehub::base {

template <typename T>
class ShortList {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);

 public:
  static constexpr uint32_t kInPlace = 8 / sizeof(T);

  ShortList() = default;
  ShortList(const ShortList&) = delete;
  ShortList& operator=(const ShortList&) = delete;
  ~ShortList() {
    if (is_apart()) ::operator delete(many_);
  }

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return is_apart() ? many_ : few_; }
  T* end() { return begin() + size_; }
  const T* begin() const { return is_apart() ? many_ : few_; }
  const T* end() const { return begin() + size_; }
  T& operator[](uint32_t i) { return begin()[i]; }
  const T& operator[](uint32_t i) const { return begin()[i]; }
  const T& back() const { return begin()[size_ - 1]; }

  void push_back(T item) {
    if (size_ == capacity_) move_to(capacity_ * 2);
    begin()[size_++] = item;
  }
  void pop_back() {
    --size_;
    if (size_ <= kInPlace && is_apart()) move_in_place();
  }
  template <typename Is>
  void erase_if(Is is) {
    uint32_t kept = 0;
    T* items = begin();
    for (uint32_t i = 0; i < size_; ++i)
      if (!is(items[i])) items[kept++] = items[i];
    size_ = kept;
    if (size_ <= kInPlace && is_apart()) move_in_place();
  }

 private:
  bool is_apart() const { return capacity_ > kInPlace; }
  void move_to(uint32_t capacity) {
    auto* larger = static_cast<T*>(::operator new(capacity * sizeof(T)));
    std::memcpy(larger, begin(), size_ * sizeof(T));
    if (is_apart()) ::operator delete(many_);
    many_ = larger;
    capacity_ = capacity;
  }
  void move_in_place() {
    T* many = many_;
    std::memcpy(few_, many, size_ * sizeof(T));
    ::operator delete(many);
    capacity_ = kInPlace;
  }

  uint32_t size_ = 0;
  uint32_t capacity_ = kInPlace;
  union {
    T few_[kInPlace];
    T* many_ = nullptr;
  };
};
static_assert(sizeof(ShortList<uint32_t>) == 16);

}  // namespace livehub::base
