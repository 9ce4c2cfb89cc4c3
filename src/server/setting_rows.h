// The parts that the table of settings is put together from, one a file. immutable.
#pragma once

#include <span>

#include "server/setting_table.h"

namespace livehub::server {

[[nodiscard]] std::span<const Setting> common_rows();
[[nodiscard]] std::span<const Setting> shared_rows();
[[nodiscard]] std::span<const Setting> live_data_rows();
[[nodiscard]] std::span<const Setting> chat_rows();
[[nodiscard]] std::span<const Setting> signals_rows();
[[nodiscard]] std::span<const Setting> pg_updates_rows();
[[nodiscard]] std::span<const Setting> drop_rows();

}  // namespace livehub::server
