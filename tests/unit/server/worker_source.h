// A source with a thread that does what it is told, in order. Tests of the engine derive theirs
// from it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "livehub/source.h"

namespace livehub {

class WorkerSource : public Source {
 public:
  std::string start(Inlet& inlet) override {
    thread_ = std::thread([this, &inlet] { run(inlet); });
    return {};
  }
  void stop() override {
    if (!thread_.joinable()) return;
    say([this](Inlet&) { is_over_ = true; });
    thread_.join();
  }
  // Any thread.
  void say(std::function<void(Inlet&)> what) {
    const std::lock_guard guard(mutex_);
    work_.push_back(std::move(what));
    changed_.notify_all();
  }

 protected:
  std::mutex mutex_;  // guards work_, and what a test keeps beside it
  std::condition_variable changed_;

 private:
  void run(Inlet& inlet) {
    while (!is_over_) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !work_.empty(); });
      const auto what = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      what(inlet);
    }
  }

  std::thread thread_;
  std::deque<std::function<void(Inlet&)>> work_;
  bool is_over_ = false;  // of thread_
};

}  // namespace livehub
