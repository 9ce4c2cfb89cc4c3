// Sets the clock of one program: a library to be preloaded before it. The calendar's clock is the
// machine's and what stands in the file named by CLOCK_OFFSET (nanoseconds, eight bytes, little
// end first), at any moment; the monotonic clock is left alone, as the kernel does it when somebody
// sets the time.
//
// Any thread: the file is mapped, its value is atomic.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr int64_t kSecond = 1'000'000'000;

const std::atomic<int64_t>* offset = nullptr;

__attribute__((constructor)) void open_offset() {
  const char* path = std::getenv("CLOCK_OFFSET");
  if (!path) return;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  void* memory = ::mmap(nullptr, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory == MAP_FAILED) std::abort();
  offset = static_cast<const std::atomic<int64_t>*>(memory);
}

int real_clock(clockid_t clock, timespec* now) {
  static int (*const real)(clockid_t, timespec*) =
      reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
  return real(clock, now);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const int result = real_clock(clock, now);
  const bool is_calendar = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result != 0 || !is_calendar || !offset) return result;
  const int64_t ns = int64_t{now->tv_sec} * kSecond + now->tv_nsec + offset->load();
  now->tv_sec = ns / kSecond;
  now->tv_nsec = ns % kSecond;
  return 0;
}

extern "C" int gettimeofday(timeval* now, void*) noexcept {
  timespec time;
  const int result = clock_gettime(CLOCK_REALTIME, &time);
  *now = {.tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000};
  return result;
}

extern "C" time_t time(time_t* where) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}
