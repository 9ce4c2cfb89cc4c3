// One process of the fleet: its clients on one epoll loop, from dialling to counting what comes.
//
// Owner: main(). Thread rule: one process, one thread.
// Tests: bench/profiles/fleet_test.cc for the parts; the whole is run by bench/profile_load.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "profiles/plan.h"
#include "profiles/tally.h"
#include "profiles/text_reader.h"

namespace livehub::bench {

class Seats {
 public:
  // Takes its share of the seats, one behind the other: each share has as many that send.
  Seats(const Plan& plan, unsigned process, Tally& tally, const Orders& orders);
  [[noreturn]] void run();

 private:
  enum class Phase : uint8_t { kDialling, kHead, kOpen, kReady, kGone };
  struct Client final : TextSink {
    Client(Seats& all, const Seat& its) : seats(all), seat(its), reader(all.wire()) {}
    void on_text(std::string_view text) override { seats.on_text(*this, text); }
    void on_ping(std::string_view payload) override;
    void on_close() override { is_closed = true; }

    Seats& seats;
    const Seat& seat;
    TextReader reader;
    Sequences sequences;
    std::string head;
    uint64_t sent = 0;
    int fd = -1;
    Phase phase = Phase::kDialling;
    bool has_greeted = false;
    bool is_closed = false;
  };

  Wire wire() const { return plan_.is_websocket ? Wire::kWebSocket : Wire::kEvents; }
  void dial_more();
  void dial(Client& client);
  void on_event(Client& client, uint32_t events);
  bool read_head(Client& client, std::string_view& bytes);
  void on_text(Client& client, std::string_view text);
  void count(Client& client, const Marker& marker);
  void become_ready(Client& client);
  void fail(Client& client);
  void send_frame(const Client& client, uint8_t opcode, std::string_view payload);
  void send_due(int64_t now_ns);
  std::string request(const Client& client) const;

  const Plan& plan_;
  const unsigned process_;
  Tally& tally_;
  const Orders& orders_;
  int epoll_ = -1;
  std::deque<Client> clients_;
  std::vector<Client*> senders_;
  size_t dialled_ = 0;
  size_t on_their_way_ = 0;
  size_t next_sender_ = 0;
  int64_t next_send_ns_ = 0;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace livehub::bench
