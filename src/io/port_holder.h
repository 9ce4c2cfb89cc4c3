// Who listens on a TCP port, for the sentence that refuses to start. startup.
#pragma once

#include <cstdint>
#include <string>

namespace livehub::io {

// "nginx (pid 1234)", or empty where /proc does not show it (another user's process, another
// container).
std::string find_port_holder(uint16_t port);

}  // namespace livehub::io
