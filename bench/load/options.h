// What the command line says, for all scenarios.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace livehub::bench {

struct Options {
  std::vector<std::string> urls;  // subscribers are spread over them
  std::string push_url;
  std::string push_method = "POST";
  std::string push_body = "{payload}";
  std::string first_message;         // WebSocket: sent once it is open, with holes
  std::string token;                 // bearer, for pushes
  std::vector<std::string> headers;  // "Name: value", on every request
  std::vector<std::string> sources;
  pid_t server_pid = 0;  // 0: nothing is said about the server's CPU and memory

  uint32_t connections = 1000;
  double connects_per_second = 0;
  uint32_t in_flight = 256;  // connections on their way at a time, of all
  double open_seconds_max = 60;
  uint32_t processes = 0;  // 0: from the number of connections and CPUs
  uint32_t pause_us = 0;
  uint32_t publishers = 1;
  uint32_t window = 0;  // saturate: how many messages readers may be behind; 0: any number
  bool pin = false;     // server and generator on CPUs of their own

  uint32_t payload_bytes = 128;
  double rate_per_second = 20;
  double seconds = 10;
  double warm_up_seconds = 1;
  uint64_t messages = 10;
  uint32_t rounds = 1;
  double quiet_seconds_max = 10;  // how long to wait for messages that do not come

  double idle_seconds = 60;
  bool compares_bare = false;  // idle: as many sockets under epoll, for the kernel's memory
  double ping_seconds_max =
      45;  // idle: how long to wait for every client's heartbeat; 0: not at all
  uint32_t never_read_every = 10;

  uint32_t rooms = 1000;             // rooms: channels
  uint32_t room_size = 100;          // rooms: subscribers of each
  bool compares_one_channel = true;  // rooms: the same deliveries over one channel, first
  uint32_t cuts = 1;                 // storm: how often all are cut off
  uint32_t visitors = 100;           // mixed: connections that come and go meanwhile

  std::vector<std::string> targets;  // floor: "name,subscribe URL,push URL,pid"
  std::string kind = "delivery";     // floor: what is compared, "delivery" or "connect"
  std::vector<std::string> over;     // floor: targets that the others are compared with
  uint32_t pairs = 15;
  bool ipv4_only = false;

  std::string json_file;  // "-": stdout, in the place of the table
  std::string html_file;
};

}  // namespace livehub::bench
