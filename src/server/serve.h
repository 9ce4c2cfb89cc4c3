// `livehub serve`: settings in, a running hub, signals out. startup.
#pragma once

#include <functional>

#include "server/settings.h"

namespace livehub::server {

// What holds for every command, before anything else: memory that is out ends with a sentence.
void prepare_process();

// Returns the exit code: 0 after an orderly end, 1 if it could not start (the sentence went to
// stderr).
// `read_again` is asked at each SIGHUP; it reads what the settings came from.
int serve(const Settings& settings, const std::function<SettingsResult()>& read_again);

}  // namespace livehub::server
