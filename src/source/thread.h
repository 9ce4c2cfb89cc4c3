// Threads that no signal interrupts: signals belong to the thread that started the program. What a
// library starts from such a thread inherits it. Any thread.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace livehub::source {

// While it lives, this thread takes no signal, nor does a thread that it starts, ever.
class SignalBlock {
 public:
  SignalBlock() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalBlock() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

 private:
  sigset_t before_;
};

template <typename Run>
[[nodiscard]] std::thread start_thread(Run run) {
  const SignalBlock block;
  return std::thread(std::move(run));
}

}  // namespace livehub::source
