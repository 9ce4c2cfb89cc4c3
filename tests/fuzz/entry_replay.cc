// The corpora as tests, for any compiler: every target is one test that takes each file below
// tests/fuzz/corpus/<target>/, every word of its dictionary, each two of them joined, and all of
// them joined. A target without a corpus or a dictionary fails, and so does a corpus without a
// target.
//
// fuzz_replay TARGET FILE… takes those files alone: an input that `make fuzz` has kept.
#include <gtest/gtest.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"

namespace livehub::fuzz {
namespace {

namespace fs = std::filesystem;

// From a buffer of exactly its size: what reads on behind it shows under the address sanitizer.
void run_bytes(const Target& target, std::string_view input) {
  const std::vector<char> bytes(input.begin(), input.end());
  target.run({bytes.data(), bytes.size()});
}

void run_file(const Target& target, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  run_bytes(target, bytes);
}

fs::path corpora() { return fs::path(LIVEHUB_SOURCE_DIR) / "tests/fuzz/corpus"; }

// Takes a byte off a word's text, in which \\, \" and \xNN stand for one. Nothing if it is none.
std::optional<char> take_byte(std::string_view& text) {
  const auto take = [&](size_t count, char byte) {
    text.remove_prefix(count);
    return byte;
  };
  if (text.front() != '\\') return take(1, text.front());
  if (text.size() > 1 && (text[1] == '\\' || text[1] == '"')) return take(2, text[1]);
  if (text.size() < 4 || text[1] != 'x') return std::nullopt;
  const char* const end = text.data() + 4;
  uint8_t value = 0;
  if (std::from_chars(text.data() + 2, end, value, 16).ptr != end) return std::nullopt;
  return take(4, static_cast<char>(value));
}

// A line of a dictionary as libFuzzer reads it: [name=]"word". Nothing if it is no such line.
std::optional<std::string> word_of(std::string_view line) {
  const size_t open = line.find('"');
  if (open == line.npos || line.size() < open + 3 || line.back() != '"') return std::nullopt;
  std::string_view text = line.substr(open + 1, line.size() - open - 2);
  std::string word;
  while (!text.empty()) {
    const std::optional<char> byte = take_byte(text);
    if (!byte) return std::nullopt;
    word += *byte;
  }
  return word;
}

std::vector<std::string> words_of(std::string_view target) {
  std::ifstream file(corpora().parent_path() / "dictionaries" / (std::string(target) + ".dict"));
  std::vector<std::string> words;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::optional<std::string> word = word_of(line);
    EXPECT_TRUE(word) << target << ": " << line;
    if (word) words.push_back(*word);
  }
  return words;
}

class Replay : public testing::Test {
 public:
  explicit Replay(Target target) : target_(target) {}
  void TestBody() override {
    size_t files = 0;
    for (const auto& entry : fs::directory_iterator(corpora() / target_.name)) {
      // Said before: a broken property ends the program.
      std::fprintf(stderr, "%s\n", entry.path().filename().c_str());
      run_file(target_, entry.path());
      ++files;
    }
    target_.run({});
    EXPECT_GE(files, 3u) << "a corpus of a few seeds belongs to each target";
    run_words(words_of(target_.name));
  }

 private:
  void run_words(const std::vector<std::string>& words) {
    EXPECT_GE(words.size(), 3u) << "a dictionary belongs to each target";
    std::string all;
    for (size_t i = 0; i < words.size(); ++i) {
      std::fprintf(stderr, "word %zu of the dictionary\n", i + 1);
      run_bytes(target_, words[i]);
      for (const std::string& next : words) run_bytes(target_, words[i] + next);
      all += words[i];
    }
    run_bytes(target_, all);
  }

  const Target target_;
};

TEST(Corpora, BelongToATargetEach) {
  for (const auto& entry : fs::directory_iterator(corpora())) {
    bool is_known = false;
    for (const Target& target : targets()) is_known |= entry.path().filename() == target.name;
    EXPECT_TRUE(is_known) << entry.path();
  }
}

TEST(Dictionaries, AreReadAsLibFuzzerReadsThem) {
  EXPECT_EQ(word_of("\"a b\""), "a b");
  EXPECT_EQ(word_of("name=\"\\x00\\xfF\\\\x41\\\"\""), std::string("\0\xff\\x41\"", 7));
  for (const char* line : {"bare", "\"", "\"\"", "\"open", "\"\\n\"", "\"\\x4\"", "\"\\xg0\""})
    EXPECT_EQ(word_of(line), std::nullopt) << line;
}

int run_files(std::string_view name, int count, char** paths) {
  for (const Target& target : targets()) {
    if (target.name != name) continue;
    for (int i = 0; i < count; ++i) run_file(target, paths[i]);
    return 0;
  }
  return 2;
}

}  // namespace
}  // namespace livehub::fuzz

int main(int argc, char** argv) {
  using namespace livehub::fuzz;
  testing::InitGoogleTest(&argc, argv);
  if (argc > 2) return run_files(argv[1], argc - 2, argv + 2);
  for (const Target& target : targets())
    testing::RegisterTest("Replay", std::string(target.name).c_str(), nullptr, nullptr, __FILE__,
                          __LINE__, [target]() -> testing::Test* { return new Replay(target); });
  return RUN_ALL_TESTS();
}
