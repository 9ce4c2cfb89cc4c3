#include "session/ready.h"

#include <string>

namespace livehub::session {

Reply ready_reply(const Shared& shared, bool is_local) {
  std::string wrong;
  const auto add = [&](std::string_view what) {
    wrong += wrong.empty() ? "\"" : ",\"";
    wrong += what;
    wrong += '"';
  };
  if (shared.is_draining.load(std::memory_order_relaxed)) add("draining");
  if (shared.budget.is_over()) add("memory budget used up");
  if (shared.shards_out_of_slots.load(std::memory_order_relaxed) >= shared.identity.shard_count)
    add("no connection slots left");
  // Brokers and the count of machines join here with the first source.
  (void)is_local;
  Reply reply;
  reply.status = wrong.empty() ? 200 : 503;
  reply.body = std::string("{\"ready\":") + (wrong.empty() ? "true" : "false") + ",\"wrong\":[" +
               wrong + "]}";
  reply.content_type = "application/json; charset=utf-8";
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

}  // namespace livehub::session
