#include "session/ready.h"

#include <string>

#include "base/clock.h"
#include "wire/json_gate.h"

namespace livehub::session {

Reply ready_reply(const Shared& shared, bool is_local) {
  std::string wrong;
  const auto add = [&](std::string_view what) {
    if (!wrong.empty()) wrong += ',';
    wrong += wire::json_quote(what);
  };
  if (shared.is_draining.load(std::memory_order_relaxed)) add("draining");
  if (shared.budget.is_over()) add("memory budget used up");
  if (shared.shards_out_of_slots.load(std::memory_order_relaxed) >= shared.identity.shard_count)
    add("no connection slots left");
  // Who drains sends none any more.
  if (shared.canaries && !shared.is_draining.load(std::memory_order_relaxed))
    for (const std::string& late : shared.canaries->wrong(is_local, base::monotonic_ns()))
      add(late);
  // A platform that asks whether this process can serve must not take all of them away because a
  // broker is.
  if (!is_local)
    for (const auto& source : shared.sources)
      for (const LinkState& link : source->links())
        if (link.is_needed && !link.is_up) add(link.name + ": " + link.problem);
  Reply reply;
  reply.status = wrong.empty() ? 200 : 503;
  reply.body = std::string("{\"ready\":") + (wrong.empty() ? "true" : "false") + ",\"wrong\":[" +
               wrong + "]}";
  reply.content_type = "application/json; charset=utf-8";
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

}  // namespace livehub::session
