#include "autobahn_cases.h"

#include <string_view>

#include "autobahn_script.h"

namespace livehub::conformance {
namespace {

using namespace std::string_literals;
using wire::WsOpcode;

std::string repeated(std::string_view pattern, size_t bytes) {
  std::string out;
  out.reserve(bytes);
  while (out.size() < bytes) out += pattern.substr(0, bytes - out.size());
  return out;
}

// A message of one pattern, repeated to its size: made on demand.
struct Bulk {
  uint8_t opcode;
  std::string pattern;
  size_t bytes;
  size_t fragment_bytes = 0;  // 0: one frame
  size_t chop_bytes = 0;
  uint32_t rounds = 1;
};

void add_bulk(Cases& cases, std::string id, const Bulk& bulk) {
  std::string what = (bulk.opcode == kText ? "text" : "binary") + " message of "s +
                     std::to_string(bulk.bytes) + " bytes";
  if (bulk.fragment_bytes != 0) what += " in fragments of " + std::to_string(bulk.fragment_bytes);
  if (bulk.chop_bytes != 0) what += " in writes of " + std::to_string(bulk.chop_bytes);
  if (bulk.rounds != 1) what += ", " + std::to_string(bulk.rounds) + " times";
  cases.push_back({std::move(id), std::move(what), bulk.rounds, [bulk](uint32_t) {
                     const std::string payload = repeated(bulk.pattern, bulk.bytes);
                     const size_t part =
                         bulk.fragment_bytes != 0 ? bulk.fragment_bytes : bulk.bytes;
                     Script script = echoes(fragments(bulk.opcode, payload, part),
                                            {{static_cast<WsOpcode>(bulk.opcode), payload}});
                     script.chunks.front().chop_bytes = bulk.chop_bytes;
                     return script;
                   }});
}

void add_framing(Cases& cases) {
  constexpr size_t kSizes[] = {0, 125, 126, 127, 128, 65535, 65536, 65536};
  for (const uint8_t opcode : {kText, kBinary}) {
    for (size_t i = 0; i < std::size(kSizes); ++i) {
      add_bulk(cases, case_number(1, opcode, i + 1),
               {opcode, opcode == kText ? "*" : "\xFE", kSizes[i], 0, i == 7 ? size_t{997} : 0});
    }
  }
}

void add_pings(Cases& cases) {
  const std::string most(125, '\xFE');
  const std::string data("\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF", 8);
  Frames ten;
  Replies ten_pongs;
  for (int i = 0; i < 10; ++i) {
    ten.push_back(ping("payload-" + std::to_string(i)));
    ten_pongs.push_back(pong_reply("payload-" + std::to_string(i)));
  }
  const auto pong = [](std::string_view payload) { return frame(kFin | kPong, payload); };
  add_case(cases, "2.1", "ping without data", echoes({ping("")}, {pong_reply("")}));
  add_case(cases, "2.2", "ping with text",
           echoes({ping("Hello, world!")}, {pong_reply("Hello, world!")}));
  add_case(cases, "2.3", "ping with binary data", echoes({ping(data)}, {pong_reply(data)}));
  add_case(cases, "2.4", "ping of 125 bytes", echoes({ping(most)}, {pong_reply(most)}));
  add_case(cases, "2.5", "ping of 126 bytes", fails({ping(most + "\xFE")}, {}));
  add_case(cases, "2.6", "ping of 125 bytes, byte by byte",
           echoes({ping(most)}, {pong_reply(most)}, Cut::kOctets));
  add_case(cases, "2.7", "unsolicited pong", echoes({pong("")}, {}));
  add_case(cases, "2.8", "unsolicited pong with data",
           echoes({pong("unsolicited pong payload")}, {}));
  add_case(cases, "2.9", "unsolicited pong, then ping",
           echoes({pong("unsolicited pong payload"), ping("ping payload")},
                  {pong_reply("ping payload")}));
  add_case(cases, "2.10", "ten pings", echoes(ten, ten_pongs));
  add_case(cases, "2.11", "ten pings, byte by byte", echoes(ten, ten_pongs, Cut::kOctets));
}

void add_reserved(Cases& cases) {
  const std::string hello = "Hello, world!";
  const std::string data("\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF", 8);
  const Replies echo = {text_reply(hello)};
  const auto with_rsv = [](uint8_t rsv, uint8_t opcode, std::string_view payload) {
    return frame(static_cast<uint8_t>(kFin | rsv << 4 | opcode), payload);
  };
  const auto after_text = [&](uint8_t rsv, Cut cut) {
    return fails({text(hello), with_rsv(rsv, kText, hello), ping("")}, echo, 1002, cut);
  };
  add_case(cases, "3.1", "text with RSV 1", fails({with_rsv(1, kText, hello)}, {}));
  add_case(cases, "3.2", "text, text with RSV 2, ping", after_text(2, Cut::kOnce));
  add_case(cases, "3.3", "text, text with RSV 3, ping, frame by frame",
           after_text(3, Cut::kFrames));
  add_case(cases, "3.4", "text, text with RSV 4, ping, byte by byte", after_text(4, Cut::kOctets));
  add_case(cases, "3.5", "binary with RSV 5", fails({with_rsv(5, kBinary, data)}, {}));
  add_case(cases, "3.6", "ping with RSV 6", fails({with_rsv(6, kPing, hello)}, {}));
  add_case(cases, "3.7", "close with RSV 7", fails({with_rsv(7, kClose, "")}, {}));

  for (const uint8_t first : {uint8_t{3}, uint8_t{11}}) {
    const unsigned part = first == 3 ? 1 : 2;
    for (uint8_t i = 0; i < 5; ++i) {
      const auto opcode = static_cast<uint8_t>(first + i);
      const std::string reserved = frame(kFin | opcode, i % 2 == 1 || i == 4 ? hello : "");
      const std::string what = "reserved opcode " + std::to_string(opcode);
      add_case(cases, case_number(4, part, i + 1U), i < 2 ? what : "text, then " + what + ", ping",
               i < 2 ? fails({reserved}, {})
                     : fails({text(hello), reserved, ping("")}, echo, 1002,
                             i > 2 ? Cut::kOctets : Cut::kOnce));
    }
  }
}

// 5.19 and 5.20: pings between five fragments, with a pause after the first of them.
Script five_fragments(Cut cut) {
  const Frames first = {frame(kText, "fragment1"), frame(kCont, "fragment2"), ping("pongme 1!")};
  const Frames second = {frame(kCont, "fragment3"), frame(kCont, "fragment4"), ping("pongme 2!"),
                         frame(kFin | kCont, "fragment5")};
  Script script = echoes(first,
                         {pong_reply("pongme 1!"), pong_reply("pongme 2!"),
                          text_reply("fragment1fragment2fragment3fragment4fragment5")},
                         cut);
  for (Chunk& chunk : echoes(second, {}, cut).chunks) script.chunks.push_back(std::move(chunk));
  return script;
}

void add_fragmentation(Cases& cases) {
  const std::string one = frame(kText, "fragment1"), two = frame(kFin | kCont, "fragment2");
  const std::string stray = frame(kFin | kCont, "non-continuation payload");
  const std::string open_stray = frame(kCont, "non-continuation payload");
  const Frames pinged = {one, ping("ping payload"), two};
  const Replies pinged_replies = {pong_reply("ping payload"), text_reply("fragment1fragment2")};
  const Replies echo = {text_reply("fragment1fragment2")};
  const std::string ways[] = {"", ", frame by frame", ", byte by byte"};
  const auto add_cuts = [&](unsigned first, const std::string& what, const auto& make) {
    for (uint8_t cut = 0; cut < 3; ++cut) {
      add_case(cases, "5." + std::to_string(first + cut), what + ways[cut],
               make(static_cast<Cut>(cut)));
    }
  };
  add_case(cases, "5.1", "fragmented ping", fails({frame(kPing, "fragment1"), two}, {}));
  add_case(cases, "5.2", "fragmented pong", fails({frame(kPong, "fragment1"), two}, {}));
  add_cuts(3, "text in two fragments", [&](Cut cut) { return echoes({one, two}, echo, cut); });
  add_cuts(6, "a ping between two fragments",
           [&](Cut cut) { return echoes(pinged, pinged_replies, cut); });
  add_cuts(9, "continuation of nothing (FIN), then text", [&](Cut cut) {
    return fails({stray, text("Hello, world!")}, {}, 1002, cut);
  });
  add_cuts(12, "continuation of nothing, then text", [&](Cut cut) {
    return fails({open_stray, text("Hello, world!")}, {}, 1002, cut);
  });
  add_case(cases, "5.15", "two fragments, continuation of nothing, text",
           fails({one, two, frame(kCont, "fragment3"), text("fragment4")}, echo));
  for (const uint8_t fin : {uint8_t{0}, kFin}) {
    const Frames round = {frame(fin | kCont, "fragment1"), frame(kText, "fragment2"),
                          frame(kFin | kCont, "fragment3")};
    Frames twice = round;
    twice.insert(twice.end(), round.begin(), round.end());
    add_case(cases, fin == 0 ? "5.16" : "5.17",
             "twice: continuation of nothing, then two fragments", fails(twice, {}));
  }
  add_case(cases, "5.18", "two fragments that both say text", fails({one, text("fragment2")}, {}));
  add_case(cases, "5.19", "five fragments with pings between", five_fragments(Cut::kOnce));
  add_case(cases, "5.20", "five fragments with pings between, frame by frame",
           five_fragments(Cut::kFrames));
}

void add_closes(Cases& cases) {
  const std::string hello = "Hello World!";
  const std::string bad = std::string(kKosme) + "\xED\xA0\x80" + "edited";
  const std::string bulk = repeated("BAsd7&jh23", 256 << 10);
  const auto informational = [](Script script) {
    script.informational = true;
    return script;
  };
  add_case(cases, "7.1.1", "text, then close", echoes({text(hello)}, {text_reply(hello)}));
  add_case(cases, "7.1.2", "two closes", closes({close(1000), frame(kFin | kClose, "")}, {1000}));
  add_case(cases, "7.1.3", "close, then ping", closes({close(1000), ping("")}, {1000}));
  add_case(cases, "7.1.4", "close, then text", closes({close(1000), text(hello)}, {1000}));
  add_case(
      cases, "7.1.5", "close between fragments",
      closes({frame(kText, "fragment1"), close(1000), frame(kFin | kCont, "fragment2")}, {1000}));
  Script bulk_close = closes({text(bulk), text(hello), close(1000), ping("")}, {1000});
  bulk_close.replies = {text_reply(bulk), text_reply(hello)};
  add_case(cases, "7.1.6", "256 KB, text, close and ping", informational(bulk_close));
  add_case(cases, "7.3.1", "close without a code",
           closes({frame(kFin | kClose, "")}, {1000, 1005}));
  add_case(cases, "7.3.2", "close with one byte",
           closes({frame(kFin | kClose, "a")}, {1002}, false));
  add_case(cases, "7.3.3", "close with a code", closes({close(1000)}, {1000}));
  add_case(cases, "7.3.4", "close with a reason", closes({close(1000, hello)}, {1000}));
  add_case(cases, "7.3.5", "close with 123 bytes of reason",
           closes({close(1000, std::string(123, '*'))}, {1000}));
  add_case(cases, "7.3.6", "close with 124 bytes of reason",
           closes({close(1000, std::string(124, '*'))}, {1002}, false));
  add_case(cases, "7.5.1", "close reason is not UTF-8",
           closes({close(1000, bad)}, {1002, 1007}, false));
  size_t index = 1;
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}) {
    add_case(cases, case_number(7, 7, index++), "valid code " + std::to_string(code),
             closes({close(static_cast<unsigned>(code))}, {1000, static_cast<uint16_t>(code)}));
  }
  index = 1;
  for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1016U, 1100U, 2000U, 2999U}) {
    add_case(cases, case_number(7, 9, index++), "invalid code " + std::to_string(code),
             closes({close(code)}, {1002}, false));
  }
  add_case(cases, "7.13.1", "code 5000",
           informational(closes({close(5000)}, {1000, 1002, 5000}, false)));
  add_case(cases, "7.13.2", "code 65535",
           informational(closes({close(65535)}, {1000, 1002, 65535}, false)));
}

void add_limits(Cases& cases) {
  const std::string pattern[] = {"BAsd7&jh23", std::string("\x00\xFE\x23\xFA\xF0", 5)};
  for (const uint8_t opcode : {kText, kBinary}) {
    const unsigned odd = opcode == kText ? 0 : 1;
    size_t index = 1;
    for (const size_t kilobytes : {64U, 256U, 1024U, 4096U, 8192U, 16384U}) {
      add_bulk(cases, case_number(9, 1 + odd, index++), {opcode, pattern[odd], kilobytes << 10});
    }
    index = 1;
    for (size_t bytes = 64; bytes <= 4 << 20; bytes *= 4) {
      add_bulk(cases, case_number(9, 3 + odd, index++), {opcode, "*", 4 << 20, bytes});
    }
    index = 1;
    for (size_t bytes = 64; bytes <= 2048; bytes *= 2) {
      add_bulk(cases, case_number(9, 5 + odd, index++), {opcode, pattern[odd], 1 << 20, 0, bytes});
    }
    index = 1;
    for (const size_t bytes : {0U, 16U, 64U, 256U, 1024U, 4096U}) {
      add_bulk(cases, case_number(9, 7 + odd, index++),
               {opcode, odd == 0 ? "*" : "\xFE", bytes, 0, 0, 1000});
    }
  }
  add_bulk(cases, "10.1.1", {kText, "*", 65536, 1300});
}

// Stands in for the suite's files: JSON lines, or bytes without a pattern.
std::string made_up_file(bool binary, size_t bytes) {
  std::string file;
  for (uint64_t state = 88172645463325252U; file.size() < bytes;) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    file += binary ? std::string(reinterpret_cast<const char*>(&state), sizeof state)
                   : "{\"id\": " + std::to_string(state) + ", \"text\": \"lorem ipsum\"}\n";
  }
  file.resize(bytes);
  return file;
}

struct File {
  const char* what;
  bool binary;
  size_t bytes;
};

// What is offered, and what must be answered.
struct Agreement {
  std::string offer;
  std::string answer;  // empty: it must be declined
};

Agreement agreement(unsigned section, unsigned part) {
  const std::string offer =
      "permessage-deflate; client_no_context_takeover; client_max_window_bits";
  const std::string answer =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const std::string no_takeover = "; server_no_context_takeover";
  const auto window = [](int bits) { return "; server_max_window_bits=" + std::to_string(bits); };
  if (section == 12) return {offer, answer};
  switch (part) {
    case 2:
      return {offer + no_takeover, answer};
    case 3:
      return {offer + window(9), ""};
    case 4:
      return {offer + window(15), answer + window(15)};
    case 5:
      return {offer + no_takeover + window(9), ""};
    case 6:
      return {offer + no_takeover + window(15), answer + window(15)};
    case 7:
      return {offer + no_takeover + window(9) + ", " + offer + no_takeover + ", " + offer, answer};
    default:
      return {offer, answer};
  }
}

std::string file_message(const File& file, uint32_t round, size_t bytes) {
  static const std::string files[] = {made_up_file(false, 300000), made_up_file(true, 1100000)};
  const std::string_view data = std::string_view(files[file.binary ? 1 : 0]).substr(0, file.bytes);
  const size_t from = round * bytes % data.size();
  std::string payload(data.substr(from, bytes));
  payload += data.substr(0, bytes - payload.size());
  return payload;
}

void add_file_part(Cases& cases, unsigned section, unsigned part, const File& file) {
  struct Size {
    size_t message_bytes, fragment_bytes;
  };
  constexpr Size kSizes[] = {
      {16, 0},      {64, 0},      {256, 0},      {1024, 0},      {4096, 0},      {8192, 0},
      {16384, 0},   {32768, 0},   {65536, 0},    {131072, 0},    {8192, 256},    {16384, 256},
      {32768, 256}, {65536, 256}, {131072, 256}, {131072, 1024}, {131072, 4096}, {131072, 32768}};
  size_t index = 1;
  for (const auto& [message_bytes, fragment_bytes] : kSizes) {
    const std::string what = file.what + ", 1000 messages of "s + std::to_string(message_bytes) +
                             " bytes, fragments of " + std::to_string(fragment_bytes);
    const auto script = [file, size = message_bytes, part_bytes = fragment_bytes](
                            uint32_t round, bool is_compressed) {
      const std::string payload = file_message(file, round, size);
      const uint8_t opcode = file.binary ? kBinary : kText;
      const size_t cut = part_bytes != 0 ? part_bytes : SIZE_MAX;
      Script made = echoes(is_compressed ? compressed_fragments(opcode, payload, cut)
                                         : fragments(opcode, payload, cut),
                           {{static_cast<WsOpcode>(opcode), payload}});
      // Bytes without a pattern get no smaller, and what is short is not worth it.
      made.has_compressed_replies = is_compressed && !file.binary && size >= 256;
      return made;
    };
    const auto [offer, answer] = agreement(section, part);
    cases.push_back({case_number(section, part, index++), what, 1000,
                     [script](uint32_t round) { return script(round, false); }, offer, answer,
                     [script](uint32_t round) { return script(round, true); }});
  }
}

void add_files(Cases& cases) {
  const File files[] = {{"a JSON file", false, 194056},
                        {"a picture", true, 263222},
                        {"a book as binary", true, 222218},
                        {"an HTML page", false, 263527},
                        {"a PDF", true, 1042328}};
  for (unsigned i = 0; i < 5; ++i) add_file_part(cases, 12, i + 1, files[i]);
  for (unsigned i = 0; i < 7; ++i) add_file_part(cases, 13, i + 1, files[0]);
}

}  // namespace

const std::vector<Case>& autobahn_cases() {
  static const Cases all = [] {
    Cases cases;
    add_framing(cases);
    add_pings(cases);
    add_reserved(cases);
    add_fragmentation(cases);
    add_utf8_fragments(cases);
    add_utf8_sequences(cases);
    add_closes(cases);
    add_limits(cases);
    add_files(cases);
    return cases;
  }();
  return all;
}

}  // namespace livehub::conformance
