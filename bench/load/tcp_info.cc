#include "load/tcp_info.h"

#include <linux/tcp.h>  // the C library's own tcp_info is older, and ends before this field
#include <sys/socket.h>

#include <cstddef>

namespace livehub::bench {

uint64_t data_segments_received(int fd) {
  tcp_info info{};
  socklen_t bytes = sizeof info;
  constexpr int kProtocolTcp = 6;
  if (getsockopt(fd, kProtocolTcp, TCP_INFO, &info, &bytes) != 0) return 0;
  if (bytes < offsetof(tcp_info, tcpi_data_segs_in) + sizeof info.tcpi_data_segs_in) return 0;
  return info.tcpi_data_segs_in;
}

}  // namespace livehub::bench
