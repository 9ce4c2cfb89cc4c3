// A backend over HTTP beside the simulated server, at the place where profile code calls it
// (source/http_call.h). Its faults: it closes without an answer, stalls until the call's time is
// over, answers with a status or with garbage, too much of it, late, in another order than it was
// asked, or cannot even be asked. What calls are about, and what a good answer is, says who derives
// from it. One thread.
#pragma once

#include <deque>
#include <string>

#include "client.h"
#include "outsider.h"
#include "source/http_call.h"

namespace livehub::sim {

struct HttpCounts {
  uint64_t calls = 0, good = 0, statuses = 0, closed = 0, stalled = 0, garbage = 0, rejected = 0,
           late = 0, stopped = 0, held = 0;
};

class FakeHttp : public source::HttpCaller, public Outsider {
 public:
  void call(source::HttpCall call, Done done) final;
  void stop();  // the server's life ends: what is under way fails, as HttpClient::stop() has it

  bool is_active() const override { return scene_.kernel.now_ns() >= due_ns(); }
  bool act() override;  // one answer
  int64_t due_ns() const override;
  void check() const override {
    if (!wrong_.empty()) fail(wrong_);
  }
  // That one's calls stand still until release().
  void hold(const std::string& whose);
  void release() { held_.clear(); }
  bool is_holding() const;
  const HttpCounts& counts() const { return counts_; }

 protected:
  struct Call {
    source::HttpCall asked;
    uint64_t number = 0;     // of what it is about
    std::string whose = {};  // which client's it is; empty: nobody's alone
    Done done = {};
    int64_t due_ns = 0;
    source::HttpAnswer answer = {};
    bool is_good = true;  // where the answer alone does not say so
  };
  explicit FakeHttp(Scene& scene) : scene_(scene) {}

  // Sets number and whose. Throws what is wrong with it.
  virtual void identify(Call& call) = 0;
  // Each sets the answer; fail_call() in the end, what its caller must make of it.
  virtual void succeed(Call& call) = 0;
  virtual void refuse(Call& call, int status) = 0;
  virtual void send_garbage(Call& call) = 0;
  virtual void fail_call(Call& call, source::HttpFault fault, const std::string& problem) = 0;
  // The answer goes out now. True: whoever asked has left.
  virtual bool on_answer(Call& call) = 0;

  Scene& scene_;

 private:
  void decide(Call& call);
  void answer(Call call);

  std::deque<Call> calls_;
  std::string held_;
  std::string wrong_;
  HttpCounts counts_;
};

}  // namespace livehub::sim
