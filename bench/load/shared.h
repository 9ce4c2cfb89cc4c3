// Memory and processes that a run shares out: both end with the run, whatever ends it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace livehub::bench {

// Zeroed memory that processes forked later share.
void* map_shared(size_t bytes);
void unmap_shared(void* at, size_t bytes);

template <typename Value>
class SharedArray {
 public:
  explicit SharedArray(size_t count) : count_(count) {
    auto* at = static_cast<Value*>(map_shared(count * sizeof(Value)));
    for (size_t i = 0; i < count; ++i) new (at + i) Value();
    values_ = at;
  }
  SharedArray(SharedArray&& other) noexcept
      : values_(std::exchange(other.values_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  SharedArray& operator=(SharedArray&&) = delete;
  ~SharedArray() {
    if (values_ != nullptr) unmap_shared(values_, count_ * sizeof(Value));
  }
  std::span<Value> all() const { return {values_, count_}; }
  Value& operator[](size_t i) const { return values_[i]; }

 private:
  Value* values_ = nullptr;
  size_t count_ = 0;
};

// A forked process with a socket pair to it. It is killed when its owner, or the owner's process,
// ends.
class Child {
 public:
  // Runs `body` with the child's end of the pair; the child ends when it returns.
  explicit Child(const std::function<void(int control_fd)>& body);
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), control_fd_(std::exchange(other.control_fd_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  int control_fd() const { return control_fd_; }

  template <typename Command>
  void ask(const Command& command) const {
    send_bytes(&command, sizeof command);
  }
  // Waits for the answer to a command. Throws std::runtime_error if the child has died.
  template <typename Command>
  void await() const {
    Command answer;
    receive_bytes(&answer, sizeof answer);
  }

 private:
  void send_bytes(const void* bytes, size_t count) const;
  void receive_bytes(void* bytes, size_t count) const;

  pid_t pid_ = -1;
  int control_fd_ = -1;
};

}  // namespace livehub::bench
