// What a run is reported as: the page must open without a network and show what was measured.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "load/histogram.h"
#include "load/html_report.h"
#include "load/plot.h"
#include "load/report.h"
#include "load/svg_chart.h"
#include "load/timeline.h"

namespace livehub::bench {
namespace {

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  for (const Tick& tick : ticks) out.push_back(tick.text);
  return out;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Chart, TicksAreRoundNumbers) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts(ticks_between(0, 10)), (Texts{"0", "2", "4", "6", "8", "10"}));
  EXPECT_EQ(texts(ticks_between(0, 19'000)), (Texts{"0", "5000", "10 k", "15 k"}));
  EXPECT_EQ(texts(ticks_between(0, 0.03)), (Texts{"0", "0.01", "0.02", "0.03"}));
  EXPECT_EQ(texts(ticks_between(3, 3)), (Texts{"3"}));
  EXPECT_EQ(texts(log_ticks(0.2, 900)), (Texts{"0.1", "1", "10", "100", "1000"}));
  EXPECT_EQ(texts(log_ticks(3, 4)), (Texts{"1", "2", "5", "10"}));
}

TEST(Chart, DrawsEachSeriesAndNothingWithoutOne) {
  Chart chart{.title = "A < B", .y_unit = "us", .x_unit = "s", .series = {}, .x_ticks = {}};
  EXPECT_EQ(svg_of(chart), "");
  chart.series.push_back({.name = "one", .points = {{0, 1}}});
  EXPECT_EQ(svg_of(chart), "") << "a point is no line";
  chart.series[0].points.emplace_back(1, 5);
  chart.series.push_back({.name = "two", .points = {{0, 2}, {1, 0}}});
  const std::string svg = svg_of(chart);
  EXPECT_EQ(count_of(svg, "<polyline"), 2u);
  EXPECT_NE(svg.find("A &lt; B"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  chart.is_log_y = true;
  EXPECT_EQ(svg_of(chart).find("nan"), std::string::npos) << "0 has no place on such an axis";
}

TEST(Plot, IsReadFromTextAndIsAFileOfItsOwn) {
  std::istringstream text(
      "title CPU < all\nx subscribers\ny us\nlog x\nseries uring\n1000 3\n1000000 4.5\n\n"
      "series epoll\n0 7\n1000 3.5\n");
  const Chart chart = read_chart(text);
  ASSERT_EQ(chart.series.size(), 2u);
  EXPECT_EQ(chart.series[0].points[1], (std::pair<double, double>(1'000'000, 4.5)));
  EXPECT_TRUE(chart.is_log_x);
  const std::string svg = svg_file_of(chart);
  EXPECT_TRUE(svg.starts_with("<svg xmlns="));
  for (const char* part : {"CPU &lt; all", "uring", "epoll", ">1000<", ">10 k<", ">1.0 M<"})
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  EXPECT_EQ(count_of(svg, "<circle"), 3u) << "0 has no place on such an axis";
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Plot, SaysWhatItCannotRead) {
  for (const char* wrong :
       {"1 2", "series a\n1", "series a\n1 2 3", "log z", "title", "colour red"}) {
    std::istringstream text(wrong);
    EXPECT_THROW((void)read_chart(text), std::runtime_error) << wrong;
  }
}

TEST(Timeline, RatesAreThoseOfTheTimeBetween) {
  const Reading before{.messages = 1000, .open = 5, .rss_bytes = 1, .cpu_ns = 0};
  const Reading now{.messages = 1050, .open = 6, .rss_bytes = 2'000'000, .cpu_ns = 250'000'000};
  const TimelinePoint point = point_between(before, now, 0.5);
  EXPECT_EQ(point.messages_per_second, 100);
  EXPECT_EQ(point.open, 6);
  EXPECT_EQ(point.rss_mb, 2);
  EXPECT_EQ(point.cpu_share, 0.5);
}

Report report() {
  Report made("broadcast");
  Histogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(i * 1'000'000);
  made.set_about({"a machine"}, "livehub-bench broadcast '<url>'");
  made.number("rate", "messages", 20, "/s", 1);
  made.latency("latency", "latency", histogram);
  made.set_timeline({{.seconds = 0.25,
                      .messages_per_second = 5,
                      .open = 3,
                      .rss_mb = 10,
                      .cpu_share = 0.5,
                      .phase = "a \"phase\""},
                     {.seconds = 0.5,
                      .messages_per_second = 6,
                      .open = 3,
                      .rss_mb = 11,
                      .cpu_share = 0.6,
                      .phase = ""}});
  made.warn("the generator is the limit");
  return made;
}

TEST(HtmlReport, HoldsTheFiguresAndNeedsNothingFromElsewhere) {
  const std::string page = html_of(report());
  for (const char* part :
       {"livehub-bench broadcast", "a machine", "&lt;url&gt;", "20.0", "the generator is the limit",
        "prefers-color-scheme", "latency p99.99"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(count_of(page, "<svg"), 5u);
  for (const char* part : {"src=", "href=", "http://", "https://", "url(", "@import", "<script"})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
}

TEST(Report, TheCurveEndsWithItsValues) {
  const Report made = report();
  const auto& points = made.curves().at(0).points;
  EXPECT_NEAR(points.front().second, 1, 0.01);
  EXPECT_LT(points.back().first, 0.9999) << "of a thousand values there is no p99.99";
  for (size_t i = 1; i < points.size(); ++i) EXPECT_GE(points[i].second, points[i - 1].second);
}

TEST(Report, JsonHasTheTimelineEscaped) {
  std::FILE* const file = std::tmpfile();
  report().print_json(file);
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  EXPECT_NE(text.find(R"("phase": "a \"phase\"")"), std::string::npos);
  EXPECT_NE(text.find(R"("timeline": [{"seconds": 0.250)"), std::string::npos);
  EXPECT_NE(text.find(R"("warnings": ["the generator is the limit"])"), std::string::npos);
}

}  // namespace
}  // namespace livehub::bench
