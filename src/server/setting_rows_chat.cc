// The settings of profile `chat`, by its contract's names (docs/PROFILES.md).
#include "server/setting_rows.h"

namespace livehub::server {

std::span<const Setting> chat_rows() { return {}; }

}  // namespace livehub::server
