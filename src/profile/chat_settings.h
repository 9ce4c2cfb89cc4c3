// The chat profile's settings, checked, and what they are made into. startup. Tests:
// tests/unit/profile/chat_test.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "profile/chat_shared.h"
#include "profile/choice.h"

namespace livehub::profile {

// JWT_SECRET and INTERNAL_API_SECRET. Nothing: `error` says what is wrong with them.
[[nodiscard]] std::unique_ptr<const ChatSecrets> read_chat_secrets(const SettingMap& settings,
                                                                   std::string& error);
// Nothing: `error` is the sentence that stops the start. `backend`: nullptr, or who makes the calls
// to the web app's API.
[[nodiscard]] std::shared_ptr<ChatShared> read_chat_settings(
    const SettingMap& settings, std::shared_ptr<source::HttpCaller> backend,
    std::vector<std::string>& warnings, std::string& error);

}  // namespace livehub::profile
