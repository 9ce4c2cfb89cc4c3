// The settings of profile `signals`, by its contract's names (docs/PROFILES.md).
#include "server/setting_rows.h"

namespace livehub::server {

std::span<const Setting> signals_rows() { return {}; }

}  // namespace livehub::server
