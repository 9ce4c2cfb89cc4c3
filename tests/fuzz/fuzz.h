// What every fuzz target stands on: how it is named, how it says that a property is broken, and how
// it takes its input apart. A target is one file that checks properties of one parser, not only
// that it survives. It is built twice: with clang's libFuzzer, one program each (`make fuzz`), and
// into fuzz_replay, which gives every target its corpus within `make test`.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace livehub::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};

// All that are linked into this program, in no order.
std::vector<Target>& targets();

struct Registration {
  Registration(std::string_view name, void (*run)(std::string_view)) {
    targets().push_back({name, run});
  }
};

// A broken property ends the program with its sentence: libFuzzer keeps the input.
[[noreturn]] void broken(const char* sentence, const char* file, int line);

// Takes the input apart from its front. What is missing is 0 or empty, never an error.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  uint8_t byte();
  // Up to the next `separator`, which is taken away too; else all.
  std::string_view until(char separator);
  std::string_view rest() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

// Where to cut an input in two: everywhere while it is small, else at its ends and now and then.
std::vector<size_t> cuts_of(size_t bytes);

}  // namespace livehub::fuzz

// MUST(condition, "the property, as a sentence")
#define MUST(condition, sentence)                            \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::livehub::fuzz::broken(sentence, __FILE__, __LINE__); \
  } while (false)

// FUZZ_TARGET(name) { … `input` … }
#define FUZZ_TARGET(name)                                                      \
  static void run_target(std::string_view input);                              \
  static const ::livehub::fuzz::Registration registration(#name, &run_target); \
  static void run_target([[maybe_unused]] std::string_view input)
