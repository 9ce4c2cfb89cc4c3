// Strict readers of what the server sends: response heads, chunks, and the few event blocks that it
// may write. Any byte that has no business there is a failure: so a torn frame or a leaked byte
// shows. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace livehub::sim {

// A response head, complete.
struct ResponseHead {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string_view header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
};

// Takes a head from the front of `bytes`; nullopt: not complete yet. Fails on anything else.
std::optional<ResponseHead> take_head(const std::string& who, std::string& bytes);

// Takes the payload of a chunked body off `bytes` as far as it has come.
class ChunkReader {
 public:
  std::string take(const std::string& who, std::string& bytes);
  bool is_ended() const { return is_ended_; }

 private:
  size_t left_ = 0;  // of the current chunk, its CRLF not counted
  bool is_in_chunk_ = false;
  bool is_ended_ = false;
};

// Reads a gzip stream as it comes. Whatever it has been given it has understood: each chunk of ours
// can be read at once.
class GunzipReader {
 public:
  GunzipReader();
  ~GunzipReader();
  GunzipReader(const GunzipReader&) = delete;
  GunzipReader& operator=(const GunzipReader&) = delete;
  std::string take(const std::string& who, std::string bytes);

 private:
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
};

struct SseBlock {
  enum class Kind : uint8_t { kConnected, kPing, kId, kGap, kMessage, kRetry, kAll } kind;
  std::string id;
  std::string data;
};
std::optional<SseBlock> take_block(const std::string& who, std::string& bytes);

}  // namespace livehub::sim
