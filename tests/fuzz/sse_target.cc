// Server-sent events: what the encoder writes, two readers find again, ours and one that follows
// WHATWG HTML 9.2.6 word by word over the whole text; and any bytes at all mean the same to both,
// however they are cut.
#include <string>

#include "fuzz.h"
#include "wire/sse.h"
#include "wire/sse_parser.h"

namespace livehub::wire {
namespace {

using Lines = std::vector<std::string>;  // what happened, in order, as texts

std::string event_line(std::string_view id, std::string_view type, std::string_view data) {
  std::string line = "event ";
  for (const std::string_view part : {id, type, data})
    line.append(std::to_string(part.size())).append(":").append(part);
  return line;
}

class Collector : public SseListener {
 public:
  void on_event(std::string_view id, std::string_view type, std::string_view data) override {
    seen.push_back(event_line(id, type, data));
  }
  void on_retry(uint64_t ms) override { seen.push_back("retry " + std::to_string(ms)); }
  void on_comment(std::string_view text) override {
    seen.push_back("comment " + std::string(text));
  }
  Lines seen;
};

Lines read(std::string_view bytes, size_t cut) {
  Collector collector;
  SseParser parser(collector, 1 << 24);
  MUST(parser.feed(bytes.substr(0, cut)), "within the limit all is read");
  MUST(parser.feed(bytes.substr(cut)), "within the limit all is read");
  return collector.seen;
}

// The specification's steps.
class Reference {
 public:
  Lines read(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    for (size_t end; (end = text.find_first_of("\r\n")) != text.npos;) {
      line(text.substr(0, end));
      text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
    }
    return seen_;
  }

 private:
  void line(std::string_view text) {
    if (text.empty()) return dispatch();
    const size_t colon = text.find(':');
    if (colon == 0) return seen_.push_back("comment " + std::string(text.substr(1)));
    std::string_view value = colon == text.npos ? "" : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    field(text.substr(0, colon), value);
  }
  void field(std::string_view name, std::string_view value) {
    if (name == "event") type_ = value;
    if (name == "data") data_.append(value).append("\n");
    if (name == "id" && value.find('\0') == value.npos) id_ = value;
    if (name != "retry" || value.empty() || value.find_first_not_of("0123456789") != value.npos)
      return;
    value.remove_prefix(std::min(value.find_first_not_of('0'), value.size() - 1));
    if (value.size() < 16) seen_.push_back("retry " + std::string(value));
  }
  void dispatch() {
    if (!data_.empty()) {
      data_.pop_back();
      seen_.push_back(event_line(id_, type_.empty() ? "message" : type_, data_));
    }
    data_.clear();
    type_.clear();
  }
  Lines seen_;
  std::string id_, type_, data_;
};

// How a number beyond all clocks is told is our parser's business.
Lines without_long_retries(Lines lines) {
  std::erase_if(lines, [](const std::string& line) {
    return line.starts_with("retry ") && line.size() > 6 + 15;
  });
  return lines;
}

std::string with_lf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i] == '\r' ? '\n' : text[i];
    if (text.substr(i, 2) == "\r\n") ++i;
  }
  return out;
}

void check_encoder(std::string_view id, std::string_view event, std::string_view data) {
  const bool is_plain = is_sse_line(id) && is_sse_line(event);
  const std::string type(event.empty() ? "message" : event);
  const std::string end = "data: end\n\n";
  if (is_plain && is_sse_line(data)) {
    const SseEvent made{id, event, data};
    std::string bytes(sse_event_bytes(made), '\0');
    MUST(write_sse_event(bytes.data(), made) == bytes.data() + bytes.size(), "as long as it said");
    MUST(Reference().read(bytes) == Lines{event_line(id, type, data)}, "one event comes back");
    MUST(read(bytes, bytes.size() / 2) == Lines{event_line(id, type, data)}, "to our parser too");
  }
  const auto many = sse_multiline_event({id, event, data});
  MUST(many.has_value() == (is_plain && data.find('\0') == data.npos), "refused is what must be");
  if (many)
    MUST(Reference().read(*many) == Lines{event_line(id, type, with_lf(data))},
         "data of many lines is one event");
  if (const auto comment = sse_comment(data)) {
    const Lines seen = Reference().read(*comment + end);
    MUST(seen.size() >= 2 && seen.back() == event_line("", "message", "end"), "the stream goes on");
    for (size_t i = 0; i + 1 < seen.size(); ++i)
      MUST(seen[i].starts_with("comment"), "a comment is nothing else");
  }
  if (is_sse_line(id)) {
    const Lines seen = Reference().read(sse_id_only(id) + end);
    MUST(seen == Lines{event_line(id, "message", "end")}, "an id alone fires nothing");
  }
  if (!data.empty()) {
    char size[32] = {};
    const std::string chunk = http_chunk(data);
    MUST(chunk.size() == data.size() + chunk_overhead_bytes(data.size()), "a chunk's size");
    const auto head = static_cast<size_t>(write_chunk_head(size, data.size()) - size);
    MUST(head + data.size() + 2 == chunk.size(), "its head, and the tail of two");
    MUST(std::stoul(chunk, nullptr, 16) == data.size() && chunk.ends_with("\r\n"), "its framing");
  }
}

FUZZ_TARGET(sse) {
  const Lines whole = read(input, input.size());
  for (const size_t cut : fuzz::cuts_of(input.size()))
    MUST(read(input, cut) == whole, "what is read does not depend on where the bytes are cut");
  MUST(without_long_retries(whole) == Reference().read(input), "both readers see the same");
  fuzz::Input parts(input);
  const std::string_view id = parts.until('|');
  const std::string_view event = parts.until('|');
  check_encoder(id, event, parts.rest());
}

}  // namespace
}  // namespace livehub::wire
