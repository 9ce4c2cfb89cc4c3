// The settings of profile `pg-updates`, by its contract's names (docs/PROFILES.md).
#include "server/setting_rows.h"

namespace livehub::server {

std::span<const Setting> pg_updates_rows() { return {}; }

}  // namespace livehub::server
