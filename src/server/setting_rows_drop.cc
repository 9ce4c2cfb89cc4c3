// The settings of profile `drop`, by its contract's names (docs/PROFILES.md).
#include "server/setting_rows.h"

namespace livehub::server {

std::span<const Setting> drop_rows() { return {}; }

}  // namespace livehub::server
