#include "wire/ws_extensions.h"

#include <gtest/gtest.h>

#include <vector>

namespace livehub::wire {
namespace {

constexpr std::string_view kAnswer =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

WsDeflateOutcome outcome(std::vector<std::string_view> fields) { return answer_ws_deflate(fields); }

TEST(WsExtensions, NoOfferIsNoAnswer) {
  for (const std::vector<std::string_view>& fields :
       std::vector<std::vector<std::string_view>>{{}, {""}, {" , ,"}, {"x-webkit-deflate-frame"}}) {
    const WsDeflateOutcome found = outcome(fields);
    EXPECT_FALSE(found.is_agreed || found.is_malformed);
    EXPECT_EQ(found.answer, "");
  }
}

TEST(WsExtensions, OffersThatAreTaken) {
  for (const std::string_view offer :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits",  // what Chromium sends
        "permessage-deflate;client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=15",
        "permessage-deflate; client_max_window_bits=\"10\"",
        "permessage-deflate ;\tserver_no_context_takeover ; client_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits",
        "permessage-deflate; client_max_window_bits = 12", ",permessage-deflate,,",
        "x-other; a=1; b=\"c\", permessage-deflate", "permessage-bzip2, permessage-deflate, x"}) {
    const WsDeflateOutcome found = outcome({offer});
    EXPECT_TRUE(found.is_agreed) << offer;
    EXPECT_EQ(found.answer, kAnswer) << offer;
  }
}

TEST(WsExtensions, OurWindowIsNamedToWhoNamesIt) {
  EXPECT_EQ(outcome({"permessage-deflate; server_max_window_bits=15"}).answer,
            std::string(kAnswer) + "; server_max_window_bits=15");
  EXPECT_EQ(outcome({"permessage-deflate; server_max_window_bits=\"1\\5\"; client_max_window_bits"})
                .answer,
            std::string(kAnswer) + "; server_max_window_bits=15");
}

TEST(WsExtensions, OffersThatArePassedOver) {
  for (const std::string_view offer :
       {"permessage-deflate; server_max_window_bits=14",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=015",
        "permessage-deflate; server_max_window_bits=+15",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; client_max_window_bits=a",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true", "permessage-deflate; unknown",
        "permessage-deflate; unknown=1", "Permessage-Deflate", "permessage-deflate2",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=15",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15"}) {
    const WsDeflateOutcome found = outcome({offer});
    EXPECT_FALSE(found.is_agreed) << offer;
    EXPECT_FALSE(found.is_malformed) << offer;
    // The list's next one is asked.
    const std::string list = std::string(offer) + ", permessage-deflate";
    EXPECT_EQ(outcome({list}).answer, kAnswer) << offer;
    EXPECT_EQ(outcome({offer, "permessage-deflate"}).answer, kAnswer) << offer;
  }
}

TEST(WsExtensions, TheFirstOfTheGoodOnesCounts) {
  EXPECT_EQ(outcome({"permessage-deflate; server_max_window_bits=9, permessage-deflate; "
                     "server_max_window_bits=15, permessage-deflate"})
                .answer,
            std::string(kAnswer) + "; server_max_window_bits=15");
  EXPECT_EQ(outcome({"permessage-deflate, permessage-deflate; server_max_window_bits=15"}).answer,
            kAnswer);
}

TEST(WsExtensions, ABrokenListIsMalformed) {
  using namespace std::string_view_literals;
  for (const std::string_view list :
       {"permessage-deflate;"sv, "permessage-deflate; ; client_max_window_bits"sv,
        "permessage-deflate; client_max_window_bits="sv,
        "permessage-deflate client_max_window_bits"sv,
        "permessage-deflate; client_max_window_bits=\"15"sv, ";"sv, "=15"sv,
        "\"permessage-deflate\""sv, "permessage-deflate; client_max_window_bits=\"1 5\""sv,
        "permessage-deflate; client_max_window_bits=\"\""sv,
        "permessage-deflate; client_max_window_bits=\"15\\"sv,
        "permessage-deflate; client_max_window_bits=15=15"sv, "permessage-deflate\0"sv,
        "permessage-deflate; \xc3\xa4"sv, "permessage-deflate, ("sv}) {
    const WsDeflateOutcome found = outcome({list});
    EXPECT_TRUE(found.is_malformed) << list;
    EXPECT_FALSE(found.is_agreed) << list;
    EXPECT_TRUE(outcome({"permessage-deflate", list}).is_malformed) << list;
  }
}

}  // namespace
}  // namespace livehub::wire
