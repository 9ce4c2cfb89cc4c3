// The corpora as tests, for any compiler: every target is one test that takes each file below
// tests/fuzz/corpus/<target>/, and every line of its dictionary. A target without a corpus fails,
// and so does a corpus without a target.
//
// fuzz_replay TARGET FILE… takes those files alone: an input that `make fuzz` has kept.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"

namespace livehub::fuzz {
namespace {

namespace fs = std::filesystem;

// From a buffer of exactly its size: what reads on behind it shows under the address sanitizer.
void run_file(const Target& target, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  target.run({bytes.data(), bytes.size()});
}

fs::path corpora() { return fs::path(LIVEHUB_SOURCE_DIR) / "tests/fuzz/corpus"; }

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
    const fs::path words =
        corpora().parent_path() / "dictionaries" / (std::string(target_.name) + ".dict");
    EXPECT_TRUE(fs::exists(words)) << words;
  }

 private:
  const Target target_;
};

TEST(Corpora, BelongToATargetEach) {
  for (const auto& entry : fs::directory_iterator(corpora())) {
    bool is_known = false;
    for (const Target& target : targets()) is_known |= entry.path().filename() == target.name;
    EXPECT_TRUE(is_known) << entry.path();
  }
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
