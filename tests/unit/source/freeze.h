// For tests: a process stands still. SIGSTOP is asynchronous: a busy machine's server may answer
// once more after kill() returned, so a test that goes on then has frozen nothing yet.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace livehub::source {

// Every thread stopped, or ended, by /proc/PID/task/*/stat ("PID (NAME) STATE …", proc(5)).
inline bool stands_still(pid_t pid) {
  std::error_code gone;
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    std::ifstream file(task.path() / "stat");
    std::string text;
    std::getline(file, text);
    const size_t name_end = text.rfind(") ");
    if (name_end == std::string::npos) continue;
    const char state = text[name_end + 2];
    if (state != 'T' && state != 'Z' && state != 'X') return false;
  }
  return true;
}

inline void freeze_process(pid_t pid) {
  if (pid <= 0 || ::kill(pid, SIGSTOP) != 0) return;
  while (!stands_still(pid)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace livehub::source
