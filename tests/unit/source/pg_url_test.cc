// What becomes of DATABASE_URL, and the quoting of names; no server.
#include "source/pg_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "source/postgres.h"

namespace livehub::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::map<std::string, std::string> parsed(const std::string& url) {
  std::string error;
  const auto address = parse_pg_address(url, "DATABASE_URL", error);
  EXPECT_TRUE(address) << error;
  EXPECT_EQ(error, "");
  if (!address) return {};
  return {address->keywords.begin(), address->keywords.end()};
}

std::string refused(const std::string& url) {
  std::string error;
  EXPECT_FALSE(parse_pg_address(url, "DATABASE_URL", error));
  EXPECT_EQ(error, PostgresSource::check_url(url, "DATABASE_URL"));
  return error;
}

TEST(PgUrl, TheUrlCountsAndTheRestHasDefaults) {
  auto keywords =
      parsed("postgres://u:p%40ss@db.example:6000/name?sslmode=require&keepalives_idle=77");
  EXPECT_EQ(keywords["host"], "db.example");
  EXPECT_EQ(keywords["port"], "6000");
  EXPECT_EQ(keywords["password"], "p@ss");
  EXPECT_EQ(keywords["dbname"], "name");
  EXPECT_EQ(keywords["sslmode"], "require");
  EXPECT_EQ(keywords["keepalives_idle"], "77");
  EXPECT_EQ(keywords["keepalives_count"], "3");
  EXPECT_EQ(keywords["client_encoding"], "UTF8");
  EXPECT_EQ(parsed("host=db.example dbname=x client_encoding=latin1")["client_encoding"], "UTF8");
  EXPECT_EQ(parsed("postgresql:///x?host=/run/pg")["host"], "/run/pg");
}

TEST(PgUrl, OtherDriversParametersArePassedOver) {
  const std::string url =
      "postgres://u@h/d?schema=public&connection_limit=5&application_name=mine&pgbouncer=true";
  EXPECT_EQ(parsed(url)["application_name"], "mine");
  EXPECT_THAT(PostgresSource::unknown_parameters(url),
              ElementsAre("schema", "connection_limit", "pgbouncer"));
  EXPECT_EQ(parsed("postgres://u@h/d?ssl=require")["sslmode"], "require");
  EXPECT_EQ(parsed("postgres://u@h/d?ssl=true")["sslmode"], "require");
  EXPECT_EQ(parsed("postgres://u@h/d?ssl=verify-full")["sslmode"], "verify-full");
  EXPECT_EQ(parsed("postgres://u@h/d?sslmode=no-verify")["sslmode"], "require");
  EXPECT_EQ(parsed("postgres://u@h/d?ssl=false")["sslmode"], "disable");
}

TEST(PgUrl, WhatIsNoneIsRefusedWithoutItsText) {
  for (const std::string url :
       {"", "hush", "mysql://u:hush@h/d", "postgres://u:hush@h:port:1/d",
        "postgres://u:hu%zzsh@h/d", "hush=1", "postgres://u:hush@[::1/d", "postgres://u:h/ush@h/d",
        "postgres://u:12/hush@h/d", "postgres://u:x@hush@h/d", "postgres://u:x?hush@h/d",
        "postgres://u:hush@h/d\nx"}) {
    const std::string error = refused(url);
    EXPECT_THAT(error, HasSubstr("DATABASE_URL is not a PostgreSQL URL")) << url;
    EXPECT_THAT(error, Not(HasSubstr("hush")));
  }
}

TEST(PgUrl, PooledHostsAreRefusedByName) {
  EXPECT_EQ(refused("postgres://u:hush@ep-cool-1-pooler.us-east-2.aws.neon.tech/db"),
            "DATABASE_URL names the pooled host ep-cool-1-pooler.us-east-2.aws.neon.tech, where "
            "LISTEN does not work: use the direct host ep-cool-1.us-east-2.aws.neon.tech.");
  EXPECT_THAT(refused("postgres://u@a.example,b-pooler.example/db"), HasSubstr("b.example"));
  parsed("postgres://u-pooler:x@ep-cool-1.pooler.example/db-pooler");
}

TEST(PgUrl, AHostThatIsNoNameComesIntoNoSentence) {
  parsed("postgres://u@b-pooler.example%0Ax/db");
  EXPECT_EQ(pg_direct_host("b-pooler.example\n"), "");
  EXPECT_EQ(pg_direct_host("b-pooler.example"), "b.example");
}

TEST(PgUrl, NamesAreQuoted) {
  EXPECT_EQ(pg_quote_name("a\"b"), "\"a\"\"b\"");
  EXPECT_TRUE(pg_name_fits(std::string(63, 'x')));
  EXPECT_FALSE(pg_name_fits(std::string(64, 'x')));
  EXPECT_FALSE(pg_name_fits(""));
  EXPECT_FALSE(pg_name_fits(std::string("a\0", 2)));
}

}  // namespace
}  // namespace livehub::source
