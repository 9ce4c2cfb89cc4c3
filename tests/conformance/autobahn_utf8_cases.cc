// Section 6 of the Autobahn cases: UTF-8.
#include "autobahn_script.h"

namespace livehub::conformance {

using namespace std::string_literals;

namespace {

// 6.4: wrong from byte 12 on, sent in three parts with pauses, as frames or inside one frame.
Script fail_fast(size_t first_bytes, size_t second_bytes, bool frames) {
  const std::string payload = std::string(kKosme) + "\xF4\x90\x80\x80" + "edited";
  Script script = fails({}, {}, 1007);
  if (frames) {
    script.chunks = {{frame(kText, payload.substr(0, first_bytes))},
                     {frame(kCont, payload.substr(first_bytes, second_bytes))},
                     {frame(kFin | kCont, payload.substr(first_bytes + second_bytes))}};
  } else {
    const std::string whole = text(payload);
    const size_t first = whole.size() - payload.size() + first_bytes;
    script.chunks = {{whole.substr(0, first)},
                     {whole.substr(first, second_bytes)},
                     {whole.substr(first + second_bytes)}};
  }
  script.fails_at_chunk = 1;
  script.may_fail_late = true;
  return script;
}

}  // namespace

void add_utf8_fragments(Cases& cases) {
  const std::string hello =
      "Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!";
  const std::string wrong = std::string(kKosme) + "\xED\xA0\x80" + "edited";
  const std::string middle = "middle frame payload";
  add_case(cases, "6.1.1", "empty text", echoes({text("")}, {text_reply("")}));
  add_case(cases, "6.1.2", "three empty fragments",
           echoes({frame(kText, ""), frame(kCont, ""), frame(kFin | kCont, "")}, {text_reply("")}));
  add_case(cases, "6.1.3", "three fragments, the outer ones empty",
           echoes({frame(kText, ""), frame(kCont, middle), frame(kFin | kCont, "")},
                  {text_reply(middle)}));
  add_case(cases, "6.2.1", "valid text", echoes({text(hello)}, {text_reply(hello)}));
  add_case(cases, "6.2.2", "valid text, cut between characters",
           echoes(fragments(kText, hello, 13), {text_reply(hello)}));
  add_case(cases, "6.2.3", "valid text, fragments of one byte",
           echoes(fragments(kText, hello, 1), {text_reply(hello)}));
  add_case(cases, "6.2.4", "valid text, fragments of one byte",
           echoes(fragments(kText, kKosme, 1), {text_reply(kKosme)}));
  add_case(cases, "6.3.1", "invalid text", fails({text(wrong)}, {}, 1007));
  add_case(cases, "6.3.2", "invalid text, fragments of one byte",
           fails(fragments(kText, wrong, 1), {}, 1007));
  add_case(cases, "6.4.1", "fail fast, in frames", fail_fast(11, 4, true));
  add_case(cases, "6.4.2", "fail fast at the very byte, in frames", fail_fast(12, 1, true));
  add_case(cases, "6.4.3", "fail fast, inside a frame", fail_fast(11, 4, false));
  add_case(cases, "6.4.4", "fail fast at the very byte, inside a frame", fail_fast(12, 1, false));
}

namespace {

struct Utf8Group {
  const char* what;
  std::vector<std::string> valid;    // they come first,
  std::vector<std::string> invalid;  // but in 6.6, whose order is by length
};

std::string lonely(unsigned from, unsigned to) {
  std::string out;
  for (unsigned byte = from; byte < to; ++byte) out += {static_cast<char>(byte), ' '};
  return out;
}

std::vector<std::string> noncharacters() {
  std::vector<std::string> all = {"\xEF\xBF\xBE", "\xEF\xBF\xBF"};
  for (unsigned plane = 1; plane <= 16; ++plane) {
    const std::string start = {static_cast<char>(0xF0 | plane >> 2),
                               static_cast<char>(0x8F | (plane & 3) << 4), '\xBF'};
    for (const char last : {'\xBE', '\xBF'}) all.push_back(start + last);
  }
  return all;
}

// 6.5 and 6.7 to 6.23: the sequences of Markus Kuhn's UTF-8 stress test.
std::vector<Utf8Group> utf8_groups() {
  std::string continuations;
  for (unsigned byte = 0x80; byte < 0xBF; ++byte) continuations += static_cast<char>(byte);
  const std::vector<std::string> truncated = {
      "\xC0", "\xE0\x80", "\xF0\x80\x80", "\xF8\x80\x80\x80", "\xFC\x80\x80\x80\x80",
      "\xDF", "\xEF\xBF", "\xF7\xBF\xBF", "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF"};
  std::string all_truncated;
  for (const std::string& each : truncated) all_truncated += each;
  const auto pairs = [] {
    std::vector<std::string> out;
    for (const char* high : {"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF"}) {
      for (const char* low : {"\xED\xB0\x80", "\xED\xBF\xBF"})
        out.push_back(high + std::string(low));
    }
    return out;
  };
  return {
      {"some valid sequences",
       {"hello$world", "hello\xC2\xA2world", "hello\xE2\x82\xACworld", "hello\xF0\xA4\xAD\xA2world",
        std::string(kKosme)},
       {}},
      {"prefixes", {}, {}},
      {"first of each length", {"\0"s, "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80"}, {}},
      {"first of five and six bytes", {}, {"\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}},
      {"last of each length", {"\x7F", "\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}, {}},
      {"last of four, five and six bytes",
       {},
       {"\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF"}},
      {"other boundaries",
       {"\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"},
       {"\xF4\x90\x80\x80"}},
      {"unexpected continuations",
       {},
       {"\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80", "\x80\xBF\x80\xBF", "\x80\xBF\x80\xBF\x80",
        "\x80\xBF\x80\xBF\x80\xBF", continuations}},
      {"lonely leads",
       {},
       {lonely(0xC0, 0xDF), lonely(0xE0, 0xEF), lonely(0xF0, 0xF7), lonely(0xF8, 0xFB),
        lonely(0xFC, 0xFD)}},
      {"last byte missing", {}, truncated},
      {"truncated sequences in a row", {}, {all_truncated}},
      {"impossible bytes", {}, {"\xFE", "\xFF", "\xFE\xFE\xFF\xFF"}},
      {"overlong slash",
       {},
       {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF",
        "\xFC\x80\x80\x80\x80\xAF"}},
      {"largest overlong",
       {},
       {"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF",
        "\xFC\x83\xBF\xBF\xBF\xBF"}},
      {"overlong NUL",
       {},
       {"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80",
        "\xFC\x80\x80\x80\x80\x80"}},
      {"single surrogates",
       {},
       {"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80",
        "\xED\xBE\x80", "\xED\xBF\xBF"}},
      {"surrogate pairs", {}, pairs()},
      {"noncharacters are valid", noncharacters(), {}},
      {"specials are valid",
       {"\xEF\xBF\xB9", "\xEF\xBF\xBA", "\xEF\xBF\xBB", "\xEF\xBF\xBC", "\xEF\xBF\xBD",
        "\xEF\xBF\xBE", "\xEF\xBF\xBF"},
       {}},
  };
}

}  // namespace

void add_utf8_sequences(Cases& cases) {
  unsigned part = 5;
  for (const Utf8Group& group : utf8_groups()) {
    size_t index = 1;
    if (part == 6) {
      for (; index <= kKosme.size(); ++index) {
        const std::string prefix = std::string(kKosme.substr(0, index));
        const bool whole = index == 2 || index == 5 || index == 7 || index == 9 || index == 11;
        add_case(
            cases, case_number(6, part, index), group.what,
            whole ? echoes({text(prefix)}, {text_reply(prefix)}) : fails({text(prefix)}, {}, 1007));
      }
    }
    for (const std::string& payload : group.valid) {
      add_case(cases, case_number(6, part, index++), group.what,
               echoes({text(payload)}, {text_reply(payload)}));
    }
    for (const std::string& payload : group.invalid) {
      add_case(cases, case_number(6, part, index++), group.what, fails({text(payload)}, {}, 1007));
    }
    ++part;
  }
}

}  // namespace livehub::conformance
