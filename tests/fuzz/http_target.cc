// HTTP requests: the byte guard with llhttp behind it. However the bytes are cut, the same comes
// out; what is accepted passes a second reader that knows RFC 9112's narrow grammar alone, and
// comes back the same when it is written anew.
#include <algorithm>
#include <string>
#include <utility>

#include "fuzz.h"
#include "wire/http_request.h"

namespace livehub::wire {
namespace {

struct Seen {
  std::vector<std::string> heads;  // as they stood on the wire
  std::vector<std::string> bodies;
  int status = 0;  // of a refusal
  bool operator==(const Seen&) const = default;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool is_named(std::string_view name, std::string_view as) {
  return std::equal(name.begin(), name.end(), as.begin(), as.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
}

// Reads a head the simple way: by its lines, each ended by CRLF.
void check_head(std::string_view raw, const HttpHead& head) {
  MUST(raw.ends_with("\r\n\r\n"), "a head ends with a blank line");
  raw.remove_suffix(2);
  size_t index = 0, hosts = 0, lengths = 0, codings = 0;
  for (bool is_first = true; !raw.empty(); is_first = false) {
    const size_t end = raw.find("\r\n");
    const std::string_view line = raw.substr(0, end);
    raw.remove_prefix(end + 2);
    MUST(is_text(line), "no control character but HT, so no CR or LF alone, in a line of a head");
    if (is_first) {
      const std::string again = std::string(head.method) + " " + std::string(head.target) +
                                " HTTP/1." + std::to_string(head.version_minor);
      MUST(line == again, "the request line holds method, target and version and nothing else");
      MUST(head.target.find(' ') == head.target.npos, "a target has no space");
      continue;
    }
    const size_t colon = line.find(':');
    MUST(colon != line.npos && colon > 0, "a field line has a name and a colon");
    const std::string_view name = line.substr(0, colon);
    MUST(name.find_first_of(" \t\"(),/;<=>?@[\\]{}") == name.npos, "a field's name is a token");
    MUST(index < head.headers.size(), "no field line is passed over");
    MUST(head.headers[index].name == name, "a field keeps its name");
    MUST(head.headers[index].value == trimmed(line.substr(colon + 1)), "a field keeps its value");
    hosts += is_named(name, "host");
    lengths += is_named(name, "content-length");
    codings += is_named(name, "transfer-encoding");
    ++index;
  }
  MUST(index == head.headers.size(), "no field comes out of nothing");
  MUST(hosts == 1 || (head.version_minor == 0 && hosts == 0), "Host stands once on HTTP/1.1");
  MUST(codings == 0 || (codings == 1 && lengths == 0 && head.version_minor == 1 && head.chunked),
       "Transfer-Encoding is chunked alone, on HTTP/1.1, without a length");
  MUST(!head.content_length || lengths == 1, "a length has its one field");
  MUST(!head.upgrade_requested || !head.has_body, "an upgrade has no body");
  MUST(head.path == "*" || head.path.starts_with('/'), "a path begins with a slash");
}

class Reader {
 public:
  void feed(std::string_view piece) {
    const std::vector<char> bytes(piece.begin(), piece.end());  // gone afterwards
    std::string_view input(bytes.data(), bytes.size());
    while (!stopped_ && step(input)) {
    }
  }
  Seen seen;

 private:
  bool step(std::string_view& input) {
    const bool is_in_head = !has_head_;
    const HttpRequestParser::Step step = parser_.next(input);
    MUST(step.consumed <= input.size(), "no more is consumed than there is");
    if (is_in_head) raw_ += input.substr(0, step.consumed);
    input.remove_prefix(step.consumed);
    switch (step.event) {
      case HttpRequestParser::Event::kNeedMore:
        MUST(input.empty(), "all is taken before more is asked for");
        return false;
      case HttpRequestParser::Event::kHead:
        while (raw_.starts_with("\r\n")) raw_.erase(0, 2);
        check_head(raw_, parser_.head());
        seen.heads.push_back(std::exchange(raw_, {}));
        seen.bodies.emplace_back();
        has_head_ = true;
        parser_.set_body_limit(kBodyMax);
        break;
      case HttpRequestParser::Event::kBody:
        MUST(!step.body.empty(), "a piece of a body is not empty");
        seen.bodies.back() += step.body;
        MUST(seen.bodies.back().size() <= kBodyMax, "a body stays within its limit");
        break;
      case HttpRequestParser::Event::kComplete:
        stopped_ = parser_.head().upgrade_requested || !parser_.head().keep_alive;
        has_head_ = false;
        parser_.reset();
        break;
      case HttpRequestParser::Event::kError:
        seen.status = http_status(step.error);
        MUST(seen.status >= 400 && !step.detail.empty(), "a refusal says what is wrong");
        if (has_head_) seen.bodies.back().clear();  // how much of it came out depends on the cuts
        stopped_ = true;
        break;
    }
    return true;
  }

  static constexpr size_t kBodyMax = 300;
  HttpRequestParser parser_;
  std::string raw_;
  bool has_head_ = false;
  bool stopped_ = false;
};

FUZZ_TARGET(http) {
  Reader whole;
  whole.feed(input);
  for (const size_t cut : fuzz::cuts_of(input.size())) {
    Reader cut_reader;
    cut_reader.feed(input.substr(0, cut));
    cut_reader.feed(input.substr(cut));
    MUST(cut_reader.seen == whole.seen, "what is read does not depend on where the bytes are cut");
  }
  // Heads alone, one by one: each is accepted again, and is one request.
  for (const std::string& head : whole.seen.heads) {
    Reader again;
    again.feed(head);
    MUST(again.seen.heads == std::vector<std::string>{head}, "a head stands for itself");
  }
}

}  // namespace
}  // namespace livehub::wire
