// The I/O seam: the kernel behind one small interface, completion-shaped, so that `uring`, `epoll`
// and the simulated kernel of the tests are equals. Everything above asks only for what stands
// here.
//
// Thread rule: shard-local. A driver is made, used and destroyed on its shard's own thread;
// `wake()` alone may be called from any thread (mailbox).
//
// The contract, which each implementation is tested against (tests/unit/io/contract_basic_test.cc
// and its siblings):
//  1. Callbacks come only from inside turn(). No method calls back; none blocks but turn().
//  2. Received bytes are lent for the length of the callback, and may be changed in place.
//  3. send_batch() is synchronous: when it returns, every request has its outcome, the kernel holds
//     no pointer of ours, and no byte of a request was sent before all bytes of the socket's
//     earlier sends. A batch names a socket at most once (two sends of one socket in one batch can
//     tear a frame).
//  4. kPart says exactly how many bytes the kernel took. Nothing is ever taken silently.
//  5. After close() nothing is called back for that socket, and its index is not given to another
//     connection before the kernel has let go of it. A late completion is recognised by its
//     generation.
//  6. on_writable() comes at most once per want_writable(), and only after it: when there is room,
//     or when the connection has died (the next send says which).
//  7. Accepting stops by itself when the table is full or descriptors run out, without spinning,
//     and goes on by itself when there is room again.
//  8. A turn does a bounded amount of work (Options::accepts_per_turn, receives_per_turn); what is
//     left over makes the next turn return at once, and no socket is served twice before another
//     ready one: receives_per_turn() sockets in a turn, or all that were ready.
//  9. Between pause_receive() and resume_receive() nothing about receiving is reported, its end
//     neither, and a paused connection that died does not make turns return at once. Sending tells.
// 10. A socket that is not open (any more) is nobody: sends to it fail with EBADF, all else does
//     nothing.
#pragma once

#include <sys/uio.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace livehub::io {

// A socket's name across completions: a slot and the generation of its tenant (never 0). Slots are
// dense, so that tables of the rooms above can be arrays indexed by Socket::index.
struct Socket {
  uint32_t index = 0;
  uint32_t generation = 0;
  // clang-tidy 14 sees a 0 in it that should be a nullptr.
  auto operator<=>(const Socket&) const = default;  // NOLINT(modernize-use-nullptr)
};

enum class SendOutcome : uint8_t {
  kAll,      // every byte was taken
  kPart,     // bytes_sent > 0 of them were taken, then the socket was full
  kBlocked,  // none: the socket is full
  kFailed,   // none or unknown: the connection is dead (error has the errno)
};

inline constexpr size_t kPiecesMax = 64;  // pieces of one send

struct SendRequest {
  Socket socket;
  const iovec* pieces = nullptr;            // stay valid until send_batch() returns
  uint32_t piece_count = 0;                 // 1..kPiecesMax
  uint32_t bytes = 0;                       // sum over the pieces, > 0
  uint32_t bytes_sent = 0;                  // out
  SendOutcome outcome = SendOutcome::kAll;  // out
  int error = 0;                            // out, errno of kFailed
};

// What a shard does with what the kernel reports. Called from inside Driver::turn() only.
class Events {
 public:
  virtual ~Events() = default;
  // A client connected; receiving is on. `spare_slots` is how many more the table takes: with few
  // left the callee refuses the client clearly instead of serving it.
  virtual void on_accept(Socket socket, uint32_t spare_slots) = 0;
  virtual void on_receive(Socket socket, std::span<char> bytes) = 0;
  // No more will be received: error 0 is the peer's orderly end (FIN), else an errno (the
  // connection is dead). The socket still has to be closed; after an orderly end it can still be
  // sent to.
  virtual void on_receive_end(Socket socket, int error) = 0;
  virtual void on_writable(Socket socket) = 0;
};

struct Options {
  uint32_t sockets_max =
      1024;  // slots of the table (uring: direct descriptors; epoll: descriptors)
  uint32_t accepts_per_turn = 64;  // uring: never more than 64
  uint32_t receives_per_turn = 256;
  uint32_t receive_bytes = 16 * 1024;  // one lent buffer
  bool direct_descriptors = true;      // uring: fall back to ordinary ones where the kernel refuses
};

struct PeerAddress {
  std::string text;  // "192.0.2.1", "2001:db8::1"; an IPv4 address mapped into IPv6 is unmapped
  uint16_t port = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;

  // Starts accepting from a listening socket that the caller opened (open_listeners()) and keeps
  // open longer than the driver. At most one listener.
  virtual void listen(int listening_fd) = 0;
  // Clients that the kernel has accepted by then are still reported.
  virtual void stop_listening() = 0;

  // One turn: waits up to wait_ns (0: not at all; < 0: for ever) for something to happen, then
  // reports it. Returns true if more is known to be ready.
  virtual bool turn(int64_t wait_ns, Events& events) = 0;
  // Makes a turn() in progress, or the next one, return at once. Any thread.
  virtual void wake() noexcept = 0;

  virtual void send_batch(std::span<SendRequest> requests) = 0;
  virtual void want_writable(Socket socket) = 0;
  virtual void pause_receive(Socket socket) = 0;   // may be called inside on_receive; idempotent
  virtual void resume_receive(Socket socket) = 0;  // idempotent
  virtual void shutdown_send(Socket socket) = 0;   // FIN after what was taken; receiving goes on
  // Orderly: what was taken is still delivered by the kernel. Bytes that have arrived and were not
  // received are thrown away first, as they would make it a RST. If the peer goes on sending it
  // becomes one all the same: shutdown_send() and read on where the peer may not have finished.
  virtual void close(Socket socket) = 0;
  virtual void reset(Socket socket) = 0;  // drops what the kernel still holds, RST where it can
  // Empty where it cannot be told. Inside of on_accept() it is free, and known even of a peer that
  // has gone; later it costs system calls, and with direct descriptors a free ordinary one.
  virtual PeerAddress peer_address(Socket socket) = 0;

  virtual uint32_t sockets_open() const = 0;
  virtual uint32_t sockets_max() const = 0;
  virtual uint32_t receives_per_turn() const = 0;
  virtual const char* name() const = 0;  // "uring", "epoll", "sim"

  // Monotonic clock, cached per turn; the simulated kernel's own in tests.
  virtual int64_t now_ns() const = 0;
  // The same clock read anew, to measure with; the simulated kernel's moves between turns only.
  virtual int64_t read_ns() const { return now_ns(); }
  virtual int64_t unix_seconds() const = 0;
};

// Throws std::system_error where the process has no descriptor left for it.
std::unique_ptr<Driver> make_epoll_driver(const Options& options);
// Must run on the shard's own thread (SINGLE_ISSUER). Null and a sentence if the kernel refuses.
std::unique_ptr<Driver> make_uring_driver(const Options& options, std::string& why_not);

// What the kernel allows, found by trying (tens of microseconds to a few milliseconds).
struct UringProbe {
  bool usable = false;
  bool direct_descriptors = false;
  bool skip_success_is_safe = false;  // a short send with CQE_SKIP_SUCCESS|WAITALL is reported
  std::string why;                    // one sentence, for the start-up line and the doctor
};
UringProbe probe_uring();

}  // namespace livehub::io
