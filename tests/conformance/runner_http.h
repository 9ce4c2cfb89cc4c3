// Sends the HTTP vectors to a running server with the profile live-data and counts its answers.
//
// Each vector goes as it stands (there `/p` is the contract's 404, and one with a body ends the
// connection before the body is read) and once more with its paths led to where they are read to
// their end: `POST /p` to the push route, an upgrade to the WebSocket route.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "http_vectors.h"

namespace livehub::conformance {

struct HttpOptions {
  uint16_t port = 0;
  size_t piece_bytes = 0;  // 1: byte by byte; 0: each vector in one write
  bool routed = false;     // with the paths led to routes that read bodies and upgrades
  std::chrono::milliseconds patience{30'000};
};

// Empty if the server did what it must, else what came instead. Any thread.
std::string run_http_vector(const HttpVector& vector, const HttpOptions& options);

}  // namespace livehub::conformance
