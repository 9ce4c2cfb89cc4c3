// What the chat profile's objects on all shards share. immutable after start-up but for the ledger,
// the secrets and the two sources, which are made to be shared.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/jwt.h"
#include "base/clock.h"
#include "profile/chat_ledger.h"
#include "profile/current.h"
#include "source/http_call.h"
#include "source/redis.h"

namespace livehub::profile {

// What a reload may change. immutable; a reload makes another one.
struct ChatSecrets {
  auth::JwtVerifier verifier;
  std::string api;  // goes to the API
};

struct ChatShared {
  Current<ChatSecrets> secrets;
  const std::shared_ptr<ChatLedger> ledger = std::make_shared<ChatLedger>();
  std::shared_ptr<source::RedisSource> redis;
  std::shared_ptr<source::HttpCaller> backend;
  std::vector<std::shared_ptr<Source>> sources;  // what the engine starts and stops
  std::function<int64_t()> unix_ms = base::unix_ms;
  std::string api_url;  // without a slash at its end
  bool trusts_roles = false;
  bool enforces_expiry = false;
  int64_t started_ms = 0;  // monotonic
  uint64_t memory_total = 0;
};

inline constexpr std::string_view kChatChannelPrefix = "chat:";

}  // namespace livehub::profile
