// Makes one call of the kernel fail: a library to be preloaded before the program under test. It
// stands in front of the functions below, counts who calls them, and lets the call that a test asks
// for fail with the error that it names, once, without doing anything.
//
// The file named by FAULT_TABLE is the conversation (tests/integration/lib/faults.mjs is the
// other side): a rule, and a table of call sites, each a function and the return address inside the
// program or a library. The rule may be written before the start or while the program runs.
//
// io_uring's calls are those of liburing.so; its operations fail too: an entry that is about to be
// submitted becomes a NOP that completes with the error (IORING_NOP_INJECT_RESULT, Linux 6.10).
// What cannot be reached so: calls that a library makes inside itself (the C library's own mmap()
// for a thread's stack, its stdio's write()).
//
// Any thread: the rule's state and the counts are atomic, the table grows under a spin lock.
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

enum : uint32_t { kIdle = 0, kArmed = 1, kFired = 2 };

struct Rule {  // 256 bytes, at the file's begin
  std::atomic<uint32_t> state;
  int32_t error;
  std::atomic<uint32_t> calls_to_pass;
  std::atomic<uint32_t> site_count;
  uint64_t offset;
  char function[40];
  char module[64];  // empty: whoever calls
  char unused[128];
};
static_assert(sizeof(Rule) == 256);

struct Site {  // 128 bytes each
  char function[40];
  char module[64];
  uint64_t offset;
  std::atomic<uint64_t> calls;
  uint64_t unused;
};
static_assert(sizeof(Site) == 128);

constexpr uint32_t kSitesMax = 8000;
constexpr size_t kBytes = sizeof(Rule) + kSitesMax * sizeof(Site);

Rule* rule = nullptr;
Site* sites = nullptr;
std::atomic_flag is_growing = ATOMIC_FLAG_INIT;

// By caller's address; open addressing, written under the lock, read without it.
struct Known {
  std::atomic<const void*> caller;
  const char* function;
  Site* site;
};
constexpr size_t kKnownMax = 32'768;
Known known[kKnownMax];

__thread bool is_inside __attribute__((tls_model("initial-exec"))) = false;
__thread io_uring* ring_of_thread __attribute__((tls_model("initial-exec"))) = nullptr;
__thread unsigned ring_seen __attribute__((tls_model("initial-exec"))) = 0;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

__attribute__((constructor)) void open_table() {
  const char* path = std::getenv("FAULT_TABLE");
  if (!path) return;
  const int fd = next<int(const char*, int, ...)>("open")(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) std::abort();
  void* memory = next<void*(void*, size_t, int, int, int, off_t)>("mmap")(
      nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory == MAP_FAILED) std::abort();
  sites = reinterpret_cast<Site*>(static_cast<char*>(memory) + sizeof(Rule));
  rule = static_cast<Rule*>(memory);
}

Site* new_site(const char* function, const void* caller, uint64_t offset) {
  const uint32_t count = rule->site_count.load();
  if (count == kSitesMax) return nullptr;
  Dl_info info{};
  const char* module = "io_uring";
  if (caller && dladdr(caller, &info) && info.dli_fname) {
    const char* slash = std::strrchr(info.dli_fname, '/');
    module = slash ? slash + 1 : info.dli_fname;
    offset = static_cast<uint64_t>(static_cast<const char*>(caller) -
                                   static_cast<const char*>(info.dli_fbase));
  }
  Site& site = sites[count];
  std::strncpy(site.function, function, sizeof site.function - 1);
  std::strncpy(site.module, module, sizeof site.module - 1);
  site.offset = offset;
  rule->site_count.store(count + 1);
  return &site;
}

// An operation of io_uring has no caller: `key` is its name's address then.
Site* site_of(const char* function, const void* caller, const void* key, uint64_t offset) {
  size_t at = (reinterpret_cast<uintptr_t>(key) >> 2) * 2654435761u % kKnownMax;
  for (;; at = (at + 1) % kKnownMax) {
    const void* found = known[at].caller.load(std::memory_order_acquire);
    if (found == key && known[at].function == function) return known[at].site;
    if (found) continue;
    while (is_growing.test_and_set(std::memory_order_acquire)) {
    }
    if (!known[at].caller.load(std::memory_order_acquire)) {
      known[at].function = function;
      known[at].site = new_site(function, caller, offset);
      known[at].caller.store(key, std::memory_order_release);
    }
    is_growing.clear(std::memory_order_release);
    at = (at + kKnownMax - 1) % kKnownMax;  // look at the same place again
  }
}

bool is_meant(const Site& site) {
  return std::strcmp(rule->function, site.function) == 0 &&
         (rule->module[0] == 0 ||
          (rule->offset == site.offset && std::strcmp(rule->module, site.module) == 0));
}

// The error that this call must fail with, or 0.
int fault_at(const char* function, const void* caller, const void* key, uint64_t offset = 0) {
  if (!rule || is_inside) return 0;
  is_inside = true;
  int error = 0;
  Site* site = site_of(function, caller, key, offset);
  if (site) {
    ++site->calls;
    if (rule->state.load(std::memory_order_acquire) == kArmed && is_meant(*site)) {
      uint32_t left = rule->calls_to_pass.load();
      while (left > 0 && !rule->calls_to_pass.compare_exchange_weak(left, left - 1)) {
      }
      uint32_t armed = kArmed;
      if (left == 0 && rule->state.compare_exchange_strong(armed, kFired)) error = rule->error;
    }
  }
  is_inside = false;
  return error;
}

struct Operation {
  uint8_t code;
  const char* name;
};
constexpr Operation kOperations[] = {
    {IORING_OP_ACCEPT, "uring.accept"},
    {IORING_OP_RECV, "uring.recv"},
    {IORING_OP_SEND, "uring.send"},
    {IORING_OP_SENDMSG, "uring.sendmsg"},
    {IORING_OP_POLL_ADD, "uring.poll"},
    {IORING_OP_POLL_REMOVE, "uring.poll_remove"},
    {IORING_OP_SHUTDOWN, "uring.shutdown"},
    {IORING_OP_ASYNC_CANCEL, "uring.cancel"},
    {IORING_OP_FILES_UPDATE, "uring.files_update"},
};

constexpr uint32_t kNopInjectResult = 1;  // IORING_NOP_INJECT_RESULT, newer than our headers

// Looks at each entry once, before the kernel does.
void look_at_entries() {
  if (!ring_of_thread) return;
  auto& queue = ring_of_thread->sq;
  const unsigned tail = *queue.ktail;
  for (unsigned at = ring_seen; at != tail; ++at) {
    io_uring_sqe& sqe = queue.sqes[at & queue.ring_mask];
    for (const Operation& operation : kOperations) {
      if (operation.code != sqe.opcode) continue;
      const int error = fault_at(operation.name, nullptr, operation.name, operation.code);
      if (error == 0) break;
      const uint64_t user_data = sqe.user_data;
      const uint8_t flags = sqe.flags & static_cast<uint8_t>(~IOSQE_FIXED_FILE);
      std::memset(&sqe, 0, sizeof sqe);
      sqe.opcode = IORING_OP_NOP;
      sqe.flags = flags;
      sqe.fd = -1;
      sqe.len = static_cast<uint32_t>(-error);
      sqe.rw_flags = kNopInjectResult;
      sqe.user_data = user_data;
      break;
    }
  }
  ring_seen = tail;
}

// operator new as the standard has it: the handler, else an exception.
void* give_out_of_memory() {
  const std::new_handler handler = std::get_new_handler();
  if (handler) handler();
  throw std::bad_alloc();
}

}  // namespace

#define CALLER __builtin_return_address(0)
#define FAULTY(Result, name, parameters, arguments, failed)                 \
  extern "C" Result name parameters {                                       \
    static Result(*const real) parameters = next<Result parameters>(#name); \
    if (const int error = fault_at(#name, CALLER, CALLER)) {                \
      errno = error;                                                        \
      return failed;                                                        \
    }                                                                       \
    return real arguments;                                                  \
  }
// The same where the error is what is returned, as it is (1) or negative (-1).
#define FAULTY_RETURNING(sign, name, parameters, arguments)                     \
  extern "C" int name parameters {                                              \
    static int(*const real) parameters = next<int parameters>(#name);           \
    if (const int error = fault_at(#name, CALLER, CALLER)) return sign * error; \
    return real arguments;                                                      \
  }

FAULTY(int, socket, (int d, int t, int p), (d, t, p), -1)
FAULTY(int, bind, (int fd, const sockaddr* a, socklen_t n), (fd, a, n), -1)
FAULTY(int, listen, (int fd, int n), (fd, n), -1)
FAULTY(int, connect, (int fd, const sockaddr* a, socklen_t n), (fd, a, n), -1)
FAULTY(int, accept4, (int fd, sockaddr* a, socklen_t* n, int flags), (fd, a, n, flags), -1)
FAULTY(int, getsockname, (int fd, sockaddr* a, socklen_t* n), (fd, a, n), -1)
FAULTY(int, getpeername, (int fd, sockaddr* a, socklen_t* n), (fd, a, n), -1)
FAULTY(int, setsockopt, (int fd, int l, int o, const void* v, socklen_t n), (fd, l, o, v, n), -1)
FAULTY(int, getsockopt, (int fd, int l, int o, void* v, socklen_t* n), (fd, l, o, v, n), -1)
FAULTY(int, shutdown, (int fd, int how), (fd, how), -1)
FAULTY(ssize_t, recv, (int fd, void* b, size_t n, int flags), (fd, b, n, flags), -1)
FAULTY(ssize_t, send, (int fd, const void* b, size_t n, int flags), (fd, b, n, flags), -1)
FAULTY(ssize_t, sendmsg, (int fd, const msghdr* m, int flags), (fd, m, flags), -1)
FAULTY(ssize_t, read, (int fd, void* b, size_t n), (fd, b, n), -1)
FAULTY(ssize_t, write, (int fd, const void* b, size_t n), (fd, b, n), -1)
FAULTY(int, poll, (pollfd * p, nfds_t n, int ms), (p, n, ms), -1)
FAULTY(int, epoll_create1, (int flags), (flags), -1)
FAULTY(int, epoll_ctl, (int e, int o, int fd, epoll_event* v), (e, o, fd, v), -1)
FAULTY(int, epoll_wait, (int e, epoll_event* v, int n, int ms), (e, v, n, ms), -1)
FAULTY(int, epoll_pwait2, (int e, epoll_event* v, int n, const timespec* t, const sigset_t* s),
       (e, v, n, t, s), -1)
FAULTY(int, eventfd, (unsigned int n, int flags), (n, flags), -1)
FAULTY(int, memfd_create, (const char* name, unsigned int flags), (name, flags), -1)
FAULTY(int, ftruncate, (int fd, off_t n), (fd, n), -1)
FAULTY(void*, mmap, (void* a, size_t n, int p, int f, int fd, off_t o), (a, n, p, f, fd, o),
       MAP_FAILED)
FAULTY(int, munmap, (void* a, size_t n), (a, n), -1)
FAULTY(int, madvise, (void* a, size_t n, int how), (a, n, how), -1)
FAULTY(int, mprotect, (void* a, size_t n, int how), (a, n, how), -1)
FAULTY(ssize_t, getrandom, (void* b, size_t n, unsigned int f), (b, n, f), -1)
FAULTY(int, getrlimit, (__rlimit_resource_t r, rlimit* l), (r, l), -1)
FAULTY(int, setrlimit, (__rlimit_resource_t r, const rlimit* l), (r, l), -1)
FAULTY(int, sched_getaffinity, (pid_t p, size_t n, cpu_set_t* s), (p, n, s), -1)
FAULTY(int, gethostname, (char* b, size_t n), (b, n), -1)
FAULTY(FILE*, fopen, (const char* p, const char* m), (p, m), nullptr)
FAULTY(FILE*, fopen64, (const char* p, const char* m), (p, m), nullptr)
FAULTY(size_t, fwrite, (const void* b, size_t s, size_t n, FILE* f), (b, s, n, f), 0)
FAULTY(int, fflush, (FILE * f), (f), EOF)
FAULTY(int, nanosleep, (const timespec* t, timespec* left), (t, left), -1)
FAULTY_RETURNING(1, pthread_create,
                 (pthread_t * t, const pthread_attr_t* a, void* (*run)(void*), void* argument),
                 (t, a, run, argument))
FAULTY_RETURNING(-1, io_uring_register_files_sparse, (io_uring * ring, unsigned n), (ring, n))
FAULTY_RETURNING(-1, io_uring_register_ring_fd, (io_uring * ring), (ring))

extern "C" int io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* p) {
  static int (*const real)(unsigned, io_uring*, io_uring_params*) =
      next<int(unsigned, io_uring*, io_uring_params*)>("io_uring_queue_init_params");
  if (const int error = fault_at("io_uring_queue_init_params", CALLER, CALLER)) return -error;
  const int result = real(entries, ring, p);
  if (result == 0) {
    ring_of_thread = ring;
    ring_seen = 0;
  }
  return result;
}

extern "C" void io_uring_queue_exit(io_uring* ring) {
  static void (*const real)(io_uring*) = next<void(io_uring*)>("io_uring_queue_exit");
  if (ring_of_thread == ring) ring_of_thread = nullptr;
  real(ring);
}

extern "C" int io_uring_enter2(unsigned fd, unsigned submit, unsigned complete, unsigned flags,
                               sigset_t* signals, size_t size) {
  static int (*const real)(unsigned, unsigned, unsigned, unsigned, sigset_t*, size_t) =
      next<int(unsigned, unsigned, unsigned, unsigned, sigset_t*, size_t)>("io_uring_enter2");
  look_at_entries();
  if (const int error = fault_at("io_uring_enter2", CALLER, CALLER)) return -error;
  return real(fd, submit, complete, flags, signals, size);
}

extern "C" int fcntl(int fd, int command, ...) {
  static int (*const real)(int, int, ...) = next<int(int, int, ...)>("fcntl");
  va_list list;
  va_start(list, command);
  void* argument = va_arg(list, void*);
  va_end(list);
  if (const int error = fault_at("fcntl", CALLER, CALLER)) {
    errno = error;
    return -1;
  }
  return real(fd, command, argument);
}

void* operator new(size_t bytes) {
  static void* (*const real)(size_t) = next<void*(size_t)>("_Znwm");
  return fault_at("operator new", CALLER, CALLER) ? give_out_of_memory() : real(bytes);
}
void* operator new[](size_t bytes) {
  static void* (*const real)(size_t) = next<void*(size_t)>("_Znam");
  return fault_at("operator new", CALLER, CALLER) ? give_out_of_memory() : real(bytes);
}
