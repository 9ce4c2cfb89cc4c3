// What the chat profile's objects on all shards share. immutable after start-up but for the ledger
// and the two sources, which are made to be shared.
#pragma once

#include <memory>
#include <string>

#include "auth/jwt.h"
#include "profile/chat_ledger.h"
#include "source/http_client.h"
#include "source/redis.h"

namespace livehub::profile {

struct ChatShared {
  ChatShared(auth::JwtVerifier tokens, std::shared_ptr<ChatLedger> common)
      : verifier(std::move(tokens)), ledger(std::move(common)) {}
  const auth::JwtVerifier verifier;
  const std::shared_ptr<ChatLedger> ledger;
  std::shared_ptr<source::RedisSource> redis;
  std::shared_ptr<source::HttpClient> backend;
  std::string api_url;  // without a slash at its end
  std::string api_secret;
  bool trusts_roles = false;
  bool enforces_expiry = false;
  int64_t started_ms = 0;
  uint64_t memory_total = 0;
};

inline constexpr std::string_view kChatChannelPrefix = "chat:";

}  // namespace livehub::profile
