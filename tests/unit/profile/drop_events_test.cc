#include "profile/drop_events.h"

#include <gtest/gtest.h>

namespace livehub::profile {
namespace {

using Kind = DropTarget::Kind;

TEST(DropEvents, PathsAreReadAsTheRoutesAre) {
  EXPECT_EQ(drop_target("/events/drops").kind, Kind::kDrops);
  const DropTarget drop = drop_target("/events/d%2F1/user-%C3%BC");
  EXPECT_EQ(drop.kind, Kind::kDrop);
  EXPECT_EQ(drop.first_channel(), "drop.d/1.state");
  EXPECT_EQ(drop.second_channel(), "drop.d/1.user.user-ü");
  const DropTarget queue = drop_target("/events/queue/d/t");
  EXPECT_EQ(queue.kind, Kind::kQueue);
  EXPECT_EQ(queue.first_channel(), "queue.d.t");
  EXPECT_EQ(queue.second_channel(), "");
  // Two segments are a drop and a user, whatever they are called.
  EXPECT_EQ(drop_target("/events/queue/d").kind, Kind::kDrop);
  EXPECT_EQ(drop_target("/events/drops/d").kind, Kind::kDrop);
  for (const char* none : {"/", "/events", "/events/", "/events/a", "/events/a/", "/events//a",
                           "/events/a/b/", "/events/a/b/c", "/events/queue//t", "/events/queue/d/",
                           "/events/queue/d/t/", "/eventsx/a/b", "/events/drops/"})
    EXPECT_EQ(drop_target(none).kind, Kind::kNone) << none;
  for (const char* bad : {"/events/a/*", "/events/%3E/u", "/events/a.b/u", "/events/a/b%0Ac",
                          "/events/queue/d/%20", "/events/a/%", "/events/a/%C3"})
    EXPECT_EQ(drop_target(bad).kind, Kind::kBad) << bad;
}

TEST(DropEvents, NoChannelOfAPathCanHoldAWildcard) {
  for (int byte = 0; byte < 256; ++byte) {
    char escaped[8];
    std::snprintf(escaped, sizeof(escaped), "%%%02X", byte);
    const DropTarget target = drop_target(std::string("/events/a/x") + escaped);
    if (target.kind != Kind::kDrop) continue;
    const std::string channel = target.second_channel();
    EXPECT_EQ(std::count(channel.begin(), channel.end(), '.'), 3) << byte;
    EXPECT_EQ(channel.find_first_of("*> \t\r\n"), std::string::npos) << byte;
  }
}

TEST(DropEvents, MessagesAreNamedBySubjectOrType) {
  const auto drop = drop_event("drop.d.state", "{ \"a\" : 1.0 ,\n \"b\": [ ] }");
  ASSERT_TRUE(drop);
  EXPECT_EQ(drop->event, "drop");
  EXPECT_EQ(drop->data, R"({"a":1.0,"b":[]})");
  EXPECT_EQ(drop_event("drop.d.user.state", "1")->event, "user");  // one may be called so
  EXPECT_EQ(drop_event("drop.d.user.u", "null")->event, "user");
  EXPECT_EQ(drop_event("queue.d.t", R"({"type":"queue_ready"})")->event, "queue_ready");
  for (const char* bad : {"", "{", "nope", "{\"a\":1}x"})
    EXPECT_FALSE(drop_event("drop.d.state", bad));
  for (const char* bad : {"{}", "[]", R"({"type":1})", R"({"type":""})", R"({"type":"a\nb"})"})
    EXPECT_FALSE(drop_event("queue.d.t", bad)) << bad;
}

TEST(DropEvents, ConnectedHasTheContractsFieldsInItsOrder) {
  EXPECT_EQ(*connected_event("d", "{}", 5),
            R"({"type":"connected","dropId":"d","phase":"registration","serverTime":5})");
  EXPECT_EQ(*connected_event("d",
                             R"({"inventory":1,"phase":"lottery","geoFenceMode":"x","other":1,)"
                             R"("purchaseEnd":7,"participantCount":0})",
                             5),
            R"({"type":"connected","dropId":"d","phase":"lottery","participantCount":0,)"
            R"("inventory":1,"purchaseEnd":7,"serverTime":5,"geoFenceMode":"x"})");
  for (const char* bad : {"", "[]", "null", "{"}) EXPECT_FALSE(connected_event("d", bad, 5)) << bad;
}

TEST(DropEvents, UserRenamesTwoFieldsAndAlwaysHasTickets) {
  EXPECT_EQ(*user_event(R"({"status":"not_registered"})"),
            R"({"type":"user","status":"not_registered","tickets":0})");
  EXPECT_EQ(*user_event(R"({"tickets":3,"queuePosition":2,"purchaseToken":"t","status":"winner",)"
                        R"("rolloverBalance":1,"rolloverUsed":0})"),
            R"({"type":"user","status":"winner","tickets":3,"position":2,"token":"t",)"
            R"("rolloverUsed":0,"rolloverBalance":1})");
  EXPECT_FALSE(user_event("x"));
}

TEST(DropEvents, TheQueuesFirstEventIsReadyOrAPosition) {
  const auto ready = queue_event("t", R"({"found":true,"status":"ready","readyAt":1})");
  EXPECT_EQ(ready->event, "queue_ready");
  EXPECT_EQ(ready->data, R"({"type":"queue_ready","token":"t"})");
  EXPECT_EQ(queue_event("t", R"({"status":"used"})")->event, "queue_position");
  EXPECT_FALSE(queue_event("t", R"({"found":false})"));
}

TEST(DropEvents, TheListIsSortedByWhatEndsNext) {
  std::vector<ListedDrop> drops;
  for (const char* state : {R"({"phase":"purchase","registrationEnd":1,"purchaseEnd":9})",
                            R"({"phase":"registration","registrationEnd":5})",
                            R"({"phase":"purchase","registrationEnd":3})"})
    drops.push_back(*listed_drop(std::to_string(drops.size()), state));
  for (const char* other : {R"({"phase":"completed"})", "{}", "[]"})
    EXPECT_FALSE(listed_drop("x", other)) << other;
  EXPECT_EQ(drops_event(drops_list(std::move(drops)), 4),
            R"({"drops":[{"dropId":"2","phase":"purchase","registrationEnd":3},)"
            R"({"dropId":"1","phase":"registration","registrationEnd":5},)"
            R"({"dropId":"0","phase":"purchase","registrationEnd":1,"purchaseEnd":9}],)"
            R"("serverTime":4})");
  EXPECT_EQ(drops_event(drops_list({}), 4), R"({"drops":[],"serverTime":4})");
}

}  // namespace
}  // namespace livehub::profile
