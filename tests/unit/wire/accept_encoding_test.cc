#include "wire/accept_encoding.h"

#include <gtest/gtest.h>

#include <vector>

namespace livehub::wire {
namespace {

bool accepts(std::vector<std::string_view> fields) { return accepts_gzip(fields); }

TEST(AcceptEncoding, WhoAsksForGzip) {
  for (const std::string_view field :
       {"gzip", "gzip, deflate, br, zstd", "deflate,gzip", "br;q=1.0, GZip ;q=0.001", "x-gzip", "*",
        "gzip;q=1", "gzip;q=1.000", "gzip; Q=0.5", "identity, *;q=0.1", "gzip;q=0.3,*;q=0"})
    EXPECT_TRUE(accepts({field})) << field;
  EXPECT_TRUE(accepts({"br", "gzip"}));
}

TEST(AcceptEncoding, WhoDoesNot) {
  for (const std::string_view field : {"",
                                       "identity",
                                       "deflate, br",
                                       "gzip;q=0",
                                       "gzip;q=0.000",
                                       "gzip ; q=0.",
                                       "gzip2",
                                       "*;q=0",
                                       "*, gzip;q=0",
                                       "gzip;q=0, *",
                                       "gzip;q=2",
                                       "gzip;q=1.001",
                                       "gzip;q=-1",
                                       "gzip;q=0.0001",
                                       "gzip;q=",
                                       "gzip;q",
                                       "gzip;level=1",
                                       "gzip;q=1x",
                                       "gz ip",
                                       ";",
                                       ",",
                                       "gzip q=1"})
    EXPECT_FALSE(accepts({field})) << field;
  EXPECT_FALSE(accepts({}));
}

}  // namespace
}  // namespace livehub::wire
