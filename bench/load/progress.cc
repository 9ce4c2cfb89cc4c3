#include "load/progress.h"

#include <unistd.h>

#include <cstdio>
#include <mutex>

namespace livehub::bench {

namespace {

struct Line {
  std::mutex mutex;
  std::string phase;
  std::string figures;
};

Line& line() {
  static Line one;
  return one;
}

void print(const Line& shown) {
  static const bool is_terminal = isatty(STDERR_FILENO) == 1;
  if (!is_terminal) return;
  const bool has_both = !shown.phase.empty() && !shown.figures.empty();
  std::fprintf(stderr, "\r\033[K%s%s%s", shown.phase.c_str(), has_both ? ": " : "",
               has_both ? shown.figures.c_str() : "");
  std::fflush(stderr);
}

}  // namespace

void show_progress(const std::string& phase) {
  const std::scoped_lock lock(line().mutex);
  line().phase = phase;
  print(line());
}

void show_figures(const std::string& figures) {
  const std::scoped_lock lock(line().mutex);
  line().figures = figures;
  print(line());
}

std::string current_phase() {
  const std::scoped_lock lock(line().mutex);
  return line().phase;
}

}  // namespace livehub::bench
