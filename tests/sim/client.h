// Fake clients: what they have in common is a link, bytes to be written and the ways in which a
// client can misbehave. One thread.
#pragma once

#include <memory>
#include <string>

#include "io/sim_kernel.h"
#include "oracle.h"

namespace livehub::sim {

// What all clients look at.
struct Scene {
  io::SimKernel& kernel;
  Oracle& oracle;
  uint64_t step = 0;
  uint64_t engine = 0;        // which life of the server
  bool is_calm = false;       // no faults any more: everybody behaves
  int64_t calm_from_ns = 0;   // when what the chaos did to connections is over
  bool is_ending = false;     // nobody comes back
  bool is_drained = false;    // the server was told to stop
  bool is_hasty = false;      // everybody goes before he is answered, and comes back at once
  bool is_poor = false;       // the server has little memory: it may reset whom it likes
  Position elsewhere = {};    // how far other machines on the same broker are, if it numbers
  bool has_broker = false;    // pushes go to it, and it says what became of them
  bool may_jump = false;      // the server's policy for slow readers is "newest"
  size_t body_bytes_max = 0;  // of a push
  bool may_compress = false;  // the server agrees to compression, and some clients offer it
  bool has_large = false;     // some pushes are large frames
  uint32_t cut_rate = 0;      // per ten thousand acts
  uint32_t free_rate = 500;   // how often a client does something unasked
  uint64_t cuts = 0;
  uint64_t resumes = 0;
  uint64_t connects = 0;
  uint64_t told_ends = 0;  // streams whose end was told
  uint64_t untold_ends = 0;
  uint64_t answers[6] = {};  // by hundreds of the status
  uint64_t pings = 0;        // comments and WebSocket pings
  uint64_t refused_streams = 0;
  io::SimRandom& random() { return kernel.random; }
};

class Client {
 public:
  Client(Scene& scene, std::string name) : scene_(scene), name_(std::move(name)) {}
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Does one thing. False: there was nothing to do now.
  bool act();
  // When it wants to act by itself again; kNeverNs: only if something comes.
  int64_t due_ns() const { return link_ || is_gone_ ? kNeverNs : connect_at_ns_; }
  bool is_gone() const { return is_gone_; }
  // For a sentence on who waits for what.
  virtual std::string whereabouts() const { return name_; }
  bool is_linked() const { return link_ != nullptr; }
  // Something can be read or written.
  bool is_active() const;
  // Faults end: what was cut off for good goes, what was silent speaks again.
  virtual void calm_down();
  virtual void check_end() const {}  // after everything was quiet
  virtual bool is_settled() const = 0;
  // Goes away in an orderly way and does not come back.
  virtual void leave();

  static constexpr int64_t kNeverNs = INT64_MAX;

 protected:
  virtual void on_connected() = 0;
  virtual void on_bytes(std::string bytes) = 0;
  // The link is over: an orderly end by the server, or a reset. Not called for what the client did.
  virtual void on_end(bool is_orderly) = 0;
  virtual void on_cut() {}  // the client itself did it
  virtual void on_written(uint64_t total) { (void)total; }
  virtual void act_freely() {}  // in the chaos, now and then

  void connect_in_ms(int64_t most);
  void drop_link();
  bool misbehave();
  bool write_some();
  size_t read_bytes();
  // Whether nothing excuses an end without a word.
  bool must_be_told() const;

  Scene& scene_;
  const std::string name_;
  io::SimLinkPtr link_;
  std::string out_;
  uint64_t written_ = 0;  // on this link
  bool is_half_closed_ = false;
  bool is_old_ = false;  // of the chaos: what was done to it then may still end it
  bool is_gone_ = false;
  uint32_t read_rate_ = 10'000;  // how often it reads when it could
  size_t read_bytes_max_ = 65536;
  int64_t connect_at_ns_ = 0;
  size_t down_room_ = 65536;
};

}  // namespace livehub::sim
