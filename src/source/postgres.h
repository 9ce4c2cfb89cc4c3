// PostgreSQL as a source: one connection for the whole process, which listens (LISTEN) to the names
// that the wanted channels need, or to one name only and reads an outbox table (pg_setup.h).
//
// Owner: whoever made it; the engine starts and stops it. mailbox: want() and unwant() come from
// shards, links() from any thread; everything else happens on the source's own thread, and on one
// that connects for it (libpq resolves names while it connects).
// Limits: names under 64 bytes; 500 names a transaction; one query in flight; a message that the
// hub does not take is held, and nothing more is read meanwhile.
// Promises: the link is proven by a notification to ourselves every 5 s; 10 s without one is a
// reconnect; after it everything is listened to again, and who had been confirmed is told a gap
// (with the outbox: only where rows may be gone). A pooler in between is found at the start.
// Tests: tests/unit/source/postgres_test.cc, tests/unit/source/postgres_outbox_test.cc.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/source.h"

namespace livehub::source {

inline constexpr size_t kPgNameBytesMax = 63;  // NAMEDATALEN - 1 of every packaged server

struct PostgresOptions {
  std::string url;                           // postgres://… or libpq's key=value form
  std::string url_setting = "DATABASE_URL";  // named in sentences; the URL itself never is
  bool uses_outbox = false;
  int64_t outbox_seconds = 3600;  // rows older than that are deleted
  // Times, for tests to shorten.
  int64_t alive_ms = 5'000;
  int64_t silence_ms = 10'000;
  int64_t probe_ms = 5'000;
  int64_t connect_ms = 10'000;
  int64_t start_ms = 8'000;  // the longest that start() waits for the first verdict
  int64_t backoff_ms_min = 100;
  int64_t backoff_ms_max = 1'000;
  int64_t withheld_ms = 100;
  int64_t purge_ms = 60'000;
  size_t batch_names = 500;
};

// How one service's channels and PostgreSQL's names belong together; written by its profile.
class PostgresRules {
 public:
  enum class Verdict : uint8_t {
    kSend,
    kDrop,  // nothing for clients
    kBad,   // not what its sender promised: counted, and said in the log now and then
  };
  virtual ~PostgresRules() = default;

  // --- immutable: any thread ---
  virtual bool feeds(std::string_view channel) const = 0;
  // What to listen to for it. One that PostgreSQL does not allow refuses the channel.
  virtual std::vector<std::string> names(std::string_view channel) const = 0;
  // The other way; false: nobody's.
  virtual bool channel_of(std::string_view name, std::string& channel) const = 0;

  // --- the source's thread ---
  // What subscribers get, in `out` (emptied, keeps its capacity).
  virtual Verdict translate(std::string_view name, std::string_view payload, int64_t unix_ms,
                            std::string& out) = 0;
};

class PgLoop;

class PostgresSource : public Source {
 public:
  PostgresSource(PostgresOptions options, std::shared_ptr<PostgresRules> rules);
  PostgresSource(const PostgresSource&) = delete;
  PostgresSource& operator=(const PostgresSource&) = delete;
  ~PostgresSource() override;

  // Empty, or what is wrong with the URL, one sentence without secrets: for a profile to say before
  // it makes a source.
  [[nodiscard]] static std::string check_url(std::string_view url, std::string_view setting);
  // The names of parameters in the URL that libpq does not know (other drivers'); passed over.
  [[nodiscard]] static std::vector<std::string> unknown_parameters(std::string_view url);

  [[nodiscard]] std::string start(Inlet& inlet) override;
  void stop() override;
  std::vector<LinkState> links() const override;
  bool feeds(std::string_view channel) const override { return rules_->feeds(channel); }
  void want(std::string_view channel) override;
  void unwant(std::string_view channel) override;
  // NOTIFY to one name of this process's own, "livehub_canary_" and 16 hex digits; with the outbox
  // too, whose rows are not ours to make.
  std::string_view canary_name() const override { return "postgres"; }
  void send_canary(std::string_view payload) override;
  void rebuild() override;

  // How many channels somebody here listens to. Any thread.
  size_t wanted_channels() const { return wanted_channels_.load(std::memory_order_relaxed); }

 private:
  const PostgresOptions options_;
  const std::shared_ptr<PostgresRules> rules_;
  std::atomic<size_t> wanted_channels_ = 0;  // a figure for people: nothing hangs on its order
  std::unique_ptr<PgLoop> loop_;             // from start() on
  // The same, for those who may ask while start() runs: release there, acquire in links().
  std::atomic<const PgLoop*> seen_loop_ = nullptr;
};

}  // namespace livehub::source
