#include "base/mirrored_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <new>
#include <utility>

#include "base/check.h"

namespace livehub::base {

MirroredBuffer::MirroredBuffer(size_t size_bytes) : size_(size_bytes) {
  LIVEHUB_CHECK(std::has_single_bit(size_bytes) && size_bytes >= 4096,
                "a mirrored buffer is a power of two of at least a page");
  const int fd = ::memfd_create("livehub-ring", MFD_CLOEXEC);
  if (fd < 0) throw std::bad_alloc();
  void* area = MAP_FAILED;
  if (::ftruncate(fd, static_cast<off_t>(size_)) == 0)
    area =
        ::mmap(nullptr, 2 * size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  bool mapped = area != MAP_FAILED;
  for (int half = 0; mapped && half < 2; ++half) {
    char* place = static_cast<char*>(area) + static_cast<size_t>(half) * size_;
    mapped =
        ::mmap(place, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
  }
  ::close(fd);
  if (!mapped) {
    if (area != MAP_FAILED) ::munmap(area, 2 * size_);
    throw std::bad_alloc();
  }
  base_ = static_cast<char*>(area);
}

MirroredBuffer::MirroredBuffer(MirroredBuffer&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MirroredBuffer& MirroredBuffer::operator=(MirroredBuffer&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  return *this;
}

MirroredBuffer::~MirroredBuffer() {
  if (base_) ::munmap(base_, 2 * size_);
}

}  // namespace livehub::base
