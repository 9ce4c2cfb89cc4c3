// The hub's side of a source, for tests: writes down what comes, and can be full.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "postgres_server.h"
#include "source/postgres.h"

namespace livehub::source::pg_test {

class RecordingInlet : public Inlet {
 public:
  Result publish(const Publication& publication) override {
    if (is_full_) {
      ++full_count_;
      return Result::kFull;
    }
    note(std::string(publication.channel) + " " + std::string(publication.payload));
    return Result::kTaken;
  }
  void confirm(std::string_view channel, std::optional<SourcePosition>) override {
    note("confirm " + std::string(channel));
  }
  void refuse(std::string_view channel) override { note("refuse " + std::string(channel)); }
  void tell_gap(std::string_view channel, std::optional<SourcePosition>) override {
    note("gap " + std::string(channel));
  }
  void deliver(uint64_t, Backlog) override { note("deliver"); }

  void set_full(bool is_full) { is_full_ = is_full; }
  int full_count() const { return full_count_; }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  size_t count(const std::string& line) const {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count(lines_.begin(), lines_.end(), line));
  }
  size_t count_beginning(const std::string& start) const {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const auto& line) { return line.starts_with(start); }));
  }
  // Waits for the line; true if it came.
  bool comes(const std::string& line, size_t times = 1) const {
    return eventually([&] { return count(line) >= times; });
  }

 private:
  void note(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::atomic<bool> is_full_ = false;
  std::atomic<int> full_count_ = 0;
};

// "ch:x" has the names "one x" and "Two x"; payloads pass as they are, "bad" does not.
class PairRules : public PostgresRules {
 public:
  bool feeds(std::string_view channel) const override { return channel.starts_with("ch:"); }
  std::vector<std::string> names(std::string_view channel) const override {
    const std::string id(channel.substr(3));
    return {"one " + id, "Two " + id};
  }
  bool channel_of(std::string_view name, std::string& channel) const override {
    if (!name.starts_with("one ") && !name.starts_with("Two ")) return false;
    channel = "ch:" + std::string(name.substr(4));
    return true;
  }
  Verdict translate(std::string_view, std::string_view payload, int64_t,
                    std::string& out) override {
    if (payload == "bad") return Verdict::kBad;
    out = payload;
    return payload == "drop" ? Verdict::kDrop : Verdict::kSend;
  }
};

inline bool is_up(const Source& source) { return source.links().at(0).is_up; }
inline bool comes_up(const Source& source) {
  return eventually([&] { return is_up(source); });
}

}  // namespace livehub::source::pg_test
