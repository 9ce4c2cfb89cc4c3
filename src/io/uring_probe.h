// The probe's answer (io.h), found once per process: the kernel does not change under us. Any
// thread.
#pragma once

#include "io/io.h"

namespace livehub::io {

const UringProbe& cached_uring_probe();

}  // namespace livehub::io
