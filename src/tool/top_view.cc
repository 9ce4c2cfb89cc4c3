#include "tool/top_view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "tool/finding.h"

namespace livehub::tool {
namespace {

using Json = nlohmann::json;

constexpr size_t kEndedShown = 8;
constexpr size_t kBusiestShown = 8;

double number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}
std::string word(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
const Json& part(const Json& object, const char* name) {
  static const Json kNone = Json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_structured() ? *found : kNone;
}

// 1,234 or 1.5, whichever says more.
std::string shown(double value) {
  std::array<char, 48> text{};
  if (value != 0 && value < 10 && value != static_cast<double>(static_cast<int64_t>(value))) {
    std::snprintf(text.data(), text.size(), "%.2f", value);
    return text.data();
  }
  const int size = std::snprintf(text.data(), text.size(), "%.0f", value);
  std::string digits;
  for (int i = 0; i < size; ++i) {
    digits += text[static_cast<size_t>(i)];
    const int left = size - 1 - i;
    if (left > 0 && left % 3 == 0 && text[static_cast<size_t>(i)] != '-') digits += ',';
  }
  return digits;
}

std::string shown_bytes(double value) {
  return bytes_text(static_cast<uint64_t>(std::max(0.0, value)));
}

std::string shown_time(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  if (whole >= 86'400)
    return std::to_string(whole / 86'400) + "d " + std::to_string(whole % 86'400 / 3600) + "h";
  if (whole >= 3600)
    return std::to_string(whole / 3600) + "h " + std::to_string(whole % 3600 / 60) + "m";
  if (whole >= 60) return std::to_string(whole / 60) + "m " + std::to_string(whole % 60) + "s";
  return std::to_string(whole) + "s";
}

class View {
 public:
  explicit View(const Screen& screen) : screen_(screen) {}

  void line(const std::string& text, std::string_view color = {}) {
    if (used_ + 1 > screen_.rows) return;
    std::string clean;
    size_t columns = 0;
    for (const char c : text) {
      const bool begins = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      if (begins && columns == screen_.columns) break;
      columns += begins;
      clean += (c >= 0 && c < ' ') || c == '\x7f' ? '?' : c;
    }
    if (used_++ > 0) out_ += '\n';
    out_ += screen_.has_colors && !color.empty() ? std::string(color) + clean + "\x1b[0m" : clean;
  }
  // Cells right-aligned in their widths, the last one left-aligned behind them.
  void row(const std::vector<std::pair<std::string, size_t>>& cells, const std::string& last,
           std::string_view color = {}) {
    std::string text;
    for (const auto& [cell, width] : cells)
      text += std::string(width > cell.size() ? width - cell.size() : 0, ' ') + cell + "  ";
    line(text + last, color);
  }
  std::string take() { return std::move(out_); }

 private:
  const Screen screen_;  // one thread
  size_t used_ = 0;
  std::string out_;
};

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kDim = "\x1b[2m";

void show_head(const Json& overview, View& view) {
  // "io_uring: io_uring works, …"; why it was chosen is in the log.
  const std::string io = word(overview, "io");
  view.line("livehub " + word(overview, "version") + "  " + word(overview, "profile") + "  port " +
                std::to_string(static_cast<int>(number(overview, "port"))) + "  up " +
                shown_time(number(overview, "uptime_seconds")) + "  " + io.substr(0, io.find(':')),
            kBold);
  std::string wrong;
  for (const Json& one : part(overview, "wrong"))
    wrong += (wrong.empty() ? "NOT READY: " : "; ") +
             (one.is_string() ? one.get<std::string>() : one.dump());
  if (!wrong.empty()) view.line(wrong, kRed);
  if (const double missing = number(overview, "shards_missing"); missing > 0)
    view.line(shown(missing) + " shards did not answer in time", kRed);
}

void show_numbers(const Json& overview, View& view) {
  const Json& connections = part(overview, "connections");
  const Json& rates = part(overview, "rates");
  const Json& memory = part(overview, "memory");
  view.line("connections  SSE " + shown(number(connections, "sse")) + "  WebSocket " +
            shown(number(connections, "websocket")) + "  sockets " +
            shown(number(connections, "sockets")) + " of " +
            shown(number(connections, "sockets_max")) + "  new " + shown(number(rates, "accepts")) +
            "/s  ended " + shown(number(rates, "ends")) + "/s");
  view.line("messages     pushes " + shown(number(rates, "publishes")) + "/s  messages " +
            shown(number(rates, "messages")) + "/s  deliveries " +
            shown(number(rates, "deliveries")) + "/s  in " +
            shown_bytes(number(rates, "bytes_in")) + "/s  out " +
            shown_bytes(number(rates, "bytes_out")) + "/s");
  const double bad =
      number(rates, "drops") + number(rates, "gaps") + number(rates, "auth_failures");
  view.line("trouble      overtaken " + shown(number(rates, "drops")) + "/s  gaps " +
                shown(number(rates, "gaps")) + "/s  refused tokens " +
                shown(number(rates, "auth_failures")) + "/s",
            bad > 0 ? kRed : std::string_view());
  const Json& loop = part(overview, "loop_ms");
  const Json& delivery = part(overview, "delivery_ms");
  view.line("milliseconds loop p50 " + shown(number(loop, "p50")) + " p99 " +
            shown(number(loop, "p99")) + " max " + shown(number(loop, "max")) + "  delivery p50 " +
            shown(number(delivery, "p50")) + " p99 " + shown(number(delivery, "p99")) + " max " +
            shown(number(delivery, "max")));
  view.line("memory       " + shown_bytes(number(memory, "used_bytes")) + " of " +
            shown_bytes(number(memory, "budget_bytes")) + " budget, resident " +
            shown_bytes(number(memory, "resident_bytes")));
}

void show_links(const Json& overview, View& view) {
  for (const Json& link : part(overview, "links")) {
    const auto up = link.find("is_up");
    const bool is_up = up != link.end() && up->is_boolean() && up->get<bool>();
    view.line("link         " + word(link, "name") + (is_up ? " up " : " DOWN ") +
                  shown_time(number(link, "state_seconds")) + ", last heard " +
                  shown(number(link, "quiet_seconds")) + " s ago, reconnects " +
                  shown(number(link, "reconnects")) +
                  (word(link, "problem").empty() ? "" : ": " + word(link, "problem")),
              is_up ? std::string_view() : kRed);
  }
}

void show_shards(const Json& overview, View& view) {
  view.line("");
  view.row({{"shard", 5},
            {"busy", 5},
            {"SSE", 8},
            {"WebSocket", 9},
            {"messages/s", 10},
            {"deliveries/s", 12},
            {"out/s", 9},
            {"subscr.", 8},
            {"memory", 8}},
           "loop p99", kDim);
  for (const Json& shard : part(overview, "shards"))
    view.row({{shown(number(shard, "shard")), 5},
              {shown(100 * number(shard, "busy")) + "%", 5},
              {shown(number(shard, "sse")), 8},
              {shown(number(shard, "websocket")), 9},
              {shown(number(shard, "messages")), 10},
              {shown(number(shard, "deliveries")), 12},
              {shown_bytes(number(shard, "bytes_out")), 9},
              {shown(number(shard, "subscriptions")), 8},
              {shown_bytes(number(shard, "memory_bytes")), 8}},
             shown(number(part(shard, "loop_ms"), "p99")) + " ms");
}

void show_busiest(const Json& overview, View& view) {
  const Json& busiest = part(overview, "busiest");
  if (busiest.empty()) return;
  view.line("");
  view.row({{"messages/s", 10}, {"bytes/s", 9}, {"subscr.", 8}, {"shard", 5}}, "channel", kDim);
  size_t count = 0;
  for (const Json& one : busiest) {
    if (count++ == kBusiestShown) break;
    view.row({{shown(number(one, "messages")), 10},
              {shown_bytes(number(one, "bytes")), 9},
              {shown(number(one, "subscribers")), 8},
              {shown(number(one, "shard")), 5}},
             word(one, "channel"));
  }
}

void show_ended(const Json& overview, View& view) {
  const Json& ended = part(overview, "ended");
  if (ended.empty()) return;
  view.line("");
  view.row({{"ended", 8}, {"code", 5}, {"kind", 9}, {"after", 8}}, "cause", kDim);
  const double now = number(overview, "at_ms");
  size_t count = 0;
  for (const Json& one : ended) {
    if (count++ == kEndedShown) break;
    const std::string reason = word(one, "reason");
    const double ago_seconds = std::max(0.0, now - number(one, "at_ms")) / 1000;
    const bool has_code = word(one, "kind") != "sse";
    view.row({{shown_time(ago_seconds), 8},
              {has_code ? std::to_string(static_cast<int64_t>(number(one, "code"))) : "-", 5},
              {word(one, "kind"), 9},
              {shown_time(number(one, "age_seconds")), 8}},
             word(one, "cause") + (reason.empty() ? "" : ": " + reason) +
                 (word(one, "address").empty() ? "" : "  " + word(one, "address")));
  }
}

}  // namespace

std::string render_top(std::string_view overview, const Screen& screen) {
  const Json parsed = Json::parse(overview, nullptr, false);
  if (!parsed.is_object()) return "the answer is not what docs/ADMIN_API.md says";
  View view(screen);
  show_head(parsed, view);
  show_numbers(parsed, view);
  show_links(parsed, view);
  show_shards(parsed, view);
  show_busiest(parsed, view);
  show_ended(parsed, view);
  return view.take();
}

}  // namespace livehub::tool
