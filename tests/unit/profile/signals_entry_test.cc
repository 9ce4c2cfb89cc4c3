#include "profile/signals_entry.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace livehub::profile {
namespace {

const char* const kObject =
    R"({"id":"continuous-1","ts":1763034564506,"pair":"BTC/USD","side":"buy","entry":44943.25,)"
    R"("sl":43932.03,"tp":46291.55,"strategy":"continuous_publisher","confidence":0.82,)"
    R"("mode":"paper"})";

SignalFields flat() {
  return {{"id", "a"},           {"ts", "1763034564506"}, {"pair", "BTC/USD"}, {"side", "buy"},
          {"entry", "100"},      {"sl", "90.5"},          {"tp", "110"},       {"strategy", "s"},
          {"confidence", "0.5"}, {"mode", "paper"}};
}

SignalFields with(SignalFields fields, std::string_view name, std::string_view text) {
  for (auto& field : fields)
    if (field.first == name) {
      field.second = text;
      return fields;
    }
  fields.emplace_back(name, text);
  return fields;
}
SignalFields without(SignalFields fields, std::string_view name) {
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
std::string read(const SignalFields& fields, std::string_view mode = "paper") {
  return read_signal(fields, mode).json;
}
std::string flaw(const SignalFields& fields) {
  const SignalEntry entry = read_signal(fields, "paper");
  EXPECT_EQ(entry.json, "");
  return entry.flaw;
}

TEST(SignalsEntry, PassesTheObjectOfFieldJsonAsItIs) {
  EXPECT_EQ(read({{"json", kObject}}), kObject);
  EXPECT_EQ(read_signal({{"json", kObject}}, "paper").pair, "BTC/USD");
}

TEST(SignalsEntry, ReadsFlatStrings) {
  EXPECT_EQ(read(flat()),
            R"({"id":"a","ts":1763034564506,"pair":"BTC/USD","side":"buy","entry":100,"sl":90.5,)"
            R"("tp":110,"strategy":"s","confidence":0.5,"mode":"paper"})");
}

TEST(SignalsEntry, ReadsFlatStringsUnderOtherNames) {
  const SignalFields fields = {{"signal_id", "x-1"},      {"timestamp", "2025-11-13T11:49:24.506Z"},
                               {"symbol", "ETH/USD"},     {"side", "SHORT"},
                               {"entry_price", "3000.5"}, {"take_profit", "2900"},
                               {"stop_loss", "3100"},     {"strategy", "s"},
                               {"confidence", "1"},       {"exchange", "kraken"}};
  EXPECT_EQ(read(fields, "live"),
            R"({"id":"x-1","ts":1763034564506,"pair":"ETH/USD","side":"sell","entry":3000.5,)"
            R"("sl":3100,"tp":2900,"strategy":"s","confidence":1,"mode":"live"})");
  EXPECT_NE(read(with(with(flat(), "timestamp", "2020-01-01T00:00:00Z"), "side", "LONG"))
                .find(R"("ts":1763034564506,"pair":"BTC/USD","side":"buy")"),
            std::string::npos);
}

TEST(SignalsEntry, TheObjectWinsOverFlatFieldsAndTheseFillIt) {
  SignalFields fields = flat();
  fields.emplace_back("json", R"({"signal_id":"canonical","side":"SHORT","extra":{"a":[1,null]}})");
  EXPECT_EQ(read(fields),
            R"({"id":"canonical","ts":1763034564506,"pair":"BTC/USD","side":"sell","entry":100,)"
            R"("sl":90.5,"tp":110,"strategy":"s","confidence":0.5,"mode":"paper",)"
            R"("extra":{"a":[1,null]}})");
}

TEST(SignalsEntry, LeavesOutPricesThatAreNotThere) {
  for (const char* nothing : {"", "null", "None", "NaN", " "}) {
    const std::string json = read(with(with(flat(), "sl", nothing), "tp", nothing));
    EXPECT_NE(json, "");
    EXPECT_EQ(json.find("\"sl\""), std::string::npos) << json;
    EXPECT_EQ(json.find("\"tp\""), std::string::npos) << json;
  }
  const std::string json = read({{"json", R"({"id":"a","ts":1763034564506,"pair":"p","side":"buy",
      "entry":1,"sl":null,"tp":null,"strategy":"s","confidence":0,"mode":"paper"})"}});
  EXPECT_EQ(json.find("null"), std::string::npos) << json;
}

TEST(SignalsEntry, FillsTheModeFromTheStream) {
  for (const char* mode : {"", "staging", "backtest"})
    EXPECT_NE(read(with(flat(), "mode", mode), "live").find(R"("mode":"live"})"),
              std::string::npos);
  EXPECT_NE(read(with(flat(), "mode", "PAPER"), "live").find(R"("mode":"paper"})"),
            std::string::npos);
}

TEST(SignalsEntry, BringsTimesToWholeMilliseconds) {
  const auto time = [](std::string_view text) {
    const std::string json = read(with(flat(), "ts", text));
    return json.empty() ? 0 : nlohmann::json::parse(json)["ts"].get<int64_t>();
  };
  EXPECT_EQ(time("1763034564506"), 1763034564506);
  EXPECT_EQ(time("1763034564506.9"), 1763034564506);
  EXPECT_EQ(time("1763034564"), 1763034564000);
  EXPECT_EQ(time("1763034564.506"), 1763034564506);
  EXPECT_EQ(time("2025-11-13T11:49:24.506123+00:00"), 1763034564506);
  EXPECT_EQ(time("2025-11-13 11:49:24"), 1763034564000);
  EXPECT_EQ(time("soon"), 0);
  EXPECT_EQ(time("-5"), 0);
  EXPECT_EQ(time("0"), 0);
  EXPECT_NE(read(with(without(flat(), "ts"), "ts_ms", "1763034564506")), "");
}

TEST(SignalsEntry, ReadsIsoTimes) {
  EXPECT_EQ(parse_iso_ms("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_iso_ms("1970-01-01T00:00:00.5"), 500);
  EXPECT_EQ(parse_iso_ms("2000-02-29T12:00Z"), 951825600000);
  EXPECT_EQ(parse_iso_ms("2024-12-31T23:59:59.999+02:30"), 1735680599999 - 0);
  EXPECT_EQ(parse_iso_ms("2024-12-31T23:59:59-0100"), 1735693199000);
  EXPECT_EQ(parse_iso_ms("2024-12-31t23:59:59z"), 1735689599000);
  for (const char* text :
       {"", "2024", "2024-13-01T00:00:00Z", "2024-01-32T00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+", "x",
        "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+2x", "-024-01-01T00:00:00Z",
        "2024-01-01T00:00:00+0", "2024-1-1T00:00:00Z"})
    EXPECT_EQ(parse_iso_ms(text), std::nullopt) << text;
}

TEST(SignalsEntry, DropsWhatTheClientWouldReject) {
  EXPECT_EQ(flaw({}), "no id");
  EXPECT_EQ(flaw(with(flat(), "id", "")), "no id");
  EXPECT_EQ(flaw(without(flat(), "ts")), "no time");
  EXPECT_EQ(flaw(without(flat(), "pair")), "no pair");
  EXPECT_EQ(flaw(with(flat(), "side", "hold")), "no side");
  EXPECT_EQ(flaw(with(flat(), "entry", "0")), "no entry price");
  EXPECT_EQ(flaw(with(flat(), "entry", "1e999")), "no entry price");
  EXPECT_EQ(flaw(with(flat(), "entry", "inf")), "no entry price");
  EXPECT_EQ(flaw(with(flat(), "entry", "0x10")), "no entry price");
  EXPECT_EQ(flaw(with(flat(), "sl", "-1")), "bad stop loss");
  EXPECT_EQ(flaw(with(flat(), "tp", "abc")), "bad take profit");
  EXPECT_EQ(flaw(without(flat(), "strategy")), "no strategy");
  EXPECT_EQ(flaw(with(flat(), "confidence", "1.01")), "no confidence");
  EXPECT_EQ(flaw(without(flat(), "confidence")), "no confidence");
}

TEST(SignalsEntry, DropsWhatIsNoSafeText) {
  EXPECT_EQ(flaw(with(flat(), "strategy", "\xff")), "bad UTF-8");
  EXPECT_EQ(flaw({{"json", "{\"id\":\"\xed\xa0\x80\"}"}}), "bad UTF-8");
  for (const char* json :
       {"", "{", "[]", "1", "null", "{'id':1}", R"({"id":"\ud800"})", R"({"id":1e999})"})
    EXPECT_EQ(flaw({{"json", json}}), "bad JSON") << json;
  std::string deep = R"({"a":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_EQ(flaw({{"json", deep}}), "bad JSON");
  const std::string large(70'000, 'x');
  EXPECT_EQ(flaw(with(flat(), "note", large)), "too large");
}

TEST(SignalsEntry, StaysOneLineOfValidJson) {
  const std::string json = read(with(flat(), "strategy", "a\n\"b\"\r\t\\\x01 é"));
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(json)["strategy"], "a\n\"b\"\r\t\\\x01 é");
}

TEST(SignalsEntry, PutsMetadataAtTheEndAndReplacesAnothers) {
  std::string object(kObject);
  object.insert(1, R"("_metadata":{"message_id":"forged"},)");
  const std::string json =
      with_metadata(read({{"json", object}}), "1763034564622-0", 2, "signals:paper");
  std::string expected(kObject);
  expected.pop_back();
  EXPECT_EQ(json, expected + R"(,"_metadata":{"message_id":"1763034564622-0","latency_ms":2,)"
                             R"("stream":"signals:paper"}})");
}

}  // namespace
}  // namespace livehub::profile
