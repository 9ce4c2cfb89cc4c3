// Who is to connect: one line a client, made by bench/profile_load, read once. startup.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace livehub::bench {

struct Seat {
  std::string target;    // of the request, from the slash on
  uint32_t members = 0;  // of its group: how many get what it sends
  bool sends = false;    // messages of its own (of publisher 1)
  std::string greeting;  // said after the server's first message; empty: nothing
};

struct Plan {
  uint16_t port = 0;
  bool is_websocket = true;
  std::string header;  // one more line of the request; empty: none
  std::string ready;   // who has got a message that holds this is ready
  unsigned processes = 1;
  unsigned window = 200;  // clients of a process that may be on their way in at a time
  std::vector<Seat> seats;
};

// Lines of `target<TAB>members<TAB>0 or 1<TAB>greeting`. Ends the program with a sentence if the
// file is not so.
std::vector<Seat> read_seats(const std::string& file);

}  // namespace livehub::bench
