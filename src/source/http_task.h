// Profile code that waits for a backend and still reads top to bottom, as C++20 coroutines:
//
//   source::Task greet(Session session, std::string user) {       // parameters by value
//     source::HttpCall call;
//     call.url = base_ + "/users/" + wire::percent_encode(user);
//     const source::HttpAnswer answer = co_await tasks_.call(*client_, std::move(call));
//     session.send_text(answer.body);   // on the shard; does nothing if the session is gone
//   }
//   tasks_.start(greet(session, user));
//
// Tasks belongs to a profile object, as its last member, and is shard-local like it: tasks start,
// continue and end on that shard. When it is destroyed, so are the tasks that still wait, and an
// answer that comes later is dropped. A task does not outlive its Tasks, and nothing in it runs
// during that destruction but destructors. No captures in a coroutine lambda: use parameters.
// Tests: tests/unit/source/http_task_test.cc.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "source/http_call.h"
#include "wire/url.h"

namespace livehub::source {

class Tasks;

// A coroutine that returns nothing. It does not run until Tasks::start() has it.
class Task {
 public:
  struct promise_type {
    struct Final {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> handle) const noexcept;
      void await_resume() const noexcept {}
    };
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    void return_void() const {}
    void unhandled_exception() const { std::terminate(); }

    Tasks* owner = nullptr;
    promise_type* next = nullptr;
    promise_type* before = nullptr;
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

 private:
  friend class Tasks;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

// A call that a task waits for: its answer comes on the shard. Made by Tasks::call().
class HttpWait {
 public:
  HttpWait(const HttpWait&) = delete;
  HttpWait& operator=(const HttpWait&) = delete;
  ~HttpWait() {
    if (slot_) slot_->waiter = nullptr;  // the task was destroyed: the answer finds nobody
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  HttpAnswer await_resume() { return std::move(slot_->answer); }

 private:
  friend class Tasks;
  using Post = std::function<void(std::function<void()>)>;
  // Between the call's end and its shard. Only the shard looks into it; the client's thread hands
  // it on.
  struct Slot {
    std::coroutine_handle<> waiter;
    HttpAnswer answer;
  };
  HttpWait(const Post& post, HttpCaller& client, HttpCall call)
      : post_(post), client_(client), call_(std::move(call)) {}
  const Post& post_;
  HttpCaller& client_;
  HttpCall call_;
  std::shared_ptr<Slot> slot_;
};

class Tasks {
 public:
  // `post`: the profile's ProfileContext::post.
  explicit Tasks(HttpWait::Post post) : post_(std::move(post)) {}
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;
  ~Tasks();

  // Runs it until it waits for the first time.
  void start(Task task);
  // Equal to HttpCaller::call(), for a task to co_await.
  [[nodiscard]] HttpWait call(HttpCaller& client, HttpCall call) {
    return HttpWait(post_, client, std::move(call));
  }
  [[nodiscard]] size_t count() const { return count_; }

 private:
  friend struct Task::promise_type;
  void forget(Task::promise_type& promise) noexcept;
  const HttpWait::Post post_;
  Task::promise_type* first_ = nullptr;
  size_t count_ = 0;
};

// --- how it works ---

inline void Task::promise_type::Final::await_suspend(
    std::coroutine_handle<promise_type> handle) const noexcept {
  handle.promise().owner->forget(handle.promise());
  handle.destroy();
}

inline void HttpWait::await_suspend(std::coroutine_handle<> waiter) {
  slot_ = std::make_shared<Slot>();
  slot_->waiter = waiter;
  // Always through the shard's mailbox, also if the call fails at once: a task never continues
  // inside the function that it waits in.
  client_.call(std::move(call_), [slot = slot_, post = post_](HttpAnswer answer) mutable {
    auto shared = std::make_shared<HttpAnswer>(std::move(answer));
    post([slot = std::move(slot), shared = std::move(shared)] {
      if (!slot->waiter) return;
      slot->answer = std::move(*shared);
      std::exchange(slot->waiter, nullptr).resume();
    });
  });
}

inline Tasks::~Tasks() {
  while (first_ != nullptr) {
    Task::promise_type& promise = *first_;
    forget(promise);
    std::coroutine_handle<Task::promise_type>::from_promise(promise).destroy();
  }
}

inline void Tasks::start(Task task) {
  const auto handle = std::exchange(task.handle_, nullptr);
  Task::promise_type& promise = handle.promise();
  promise.owner = this;
  promise.next = first_;
  if (first_ != nullptr) first_->before = &promise;
  first_ = &promise;
  ++count_;
  handle.resume();
}

inline void Tasks::forget(Task::promise_type& promise) noexcept {
  (promise.before != nullptr ? promise.before->next : first_) = promise.next;
  if (promise.next != nullptr) promise.next->before = promise.before;
  --count_;
}

}  // namespace livehub::source
