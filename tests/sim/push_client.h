// Clients that publish: one request after the other or several at once, in one piece or in chunks,
// good and bad. Every request is answered once, in order. One thread.
#pragma once

#include <deque>

#include "client.h"
#include "stream_parser.h"

namespace livehub::sim {

class PushClient final : public Client {
 public:
  PushClient(Scene& scene, std::string name);

  bool is_settled() const override { return is_gone_ || waiting_.empty(); }
  void check_end() const override;
  // Asks for one good push, where it has a connection that will be answered.
  bool push_now();

 private:
  struct Waiting {
    uint64_t push = 0;  // 0: none
    int status = 200;
    bool is_head_only = false;
    uint64_t begins_at = 0;  // in the bytes of this link
  };

  void on_connected() override;
  void on_bytes(std::string bytes) override;
  void on_end(bool is_orderly) override;
  void on_cut() override { forget(); }
  void on_written(uint64_t total) override;
  void act_freely() override;

  void ask(bool is_good);
  void ask_push(size_t bytes);
  void enqueue(Waiting waiting, const std::string& request);
  std::string body_in(const std::string& document, std::string& headers);
  void on_answer(const ResponseHead& head, std::string_view body);
  void forget();

  std::deque<Waiting> waiting_;
  std::string in_;
  uint64_t asked_bytes_ = 0;
  int64_t used_at_ns_ = 0;
  bool is_impatient_ = false;  // goes while it waits, and comes back at once
  bool is_last_ = false;       // the server said that it closes
};

}  // namespace livehub::sim
