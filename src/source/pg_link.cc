#include "source/pg_link.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace livehub::source {

std::string pg_one_line(std::string_view message) {
  std::string line;
  for (const char c : message) {
    const bool is_space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!is_space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// --- PgSignal ---

PgSignal::PgSignal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  LIVEHUB_CHECK(fd_ >= 0, "the kernel gives an eventfd");
}
PgSignal::~PgSignal() { close(fd_); }
void PgSignal::raise() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}
void PgSignal::clear() const {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof count);
}

// --- connecting ---

namespace {

// False: cancelled or too late.
bool wait_for(PGconn* connection, PostgresPollingStatusType status, const PgSignal& cancel,
              int64_t until_ms) {
  const short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
  pollfd fds[2] = {{PQsocket(connection), events, 0}, {cancel.fd(), POLLIN, 0}};
  const int64_t left = until_ms - base::monotonic_ms();
  if (left <= 0) return false;
  const int count = poll(fds, 2, static_cast<int>(left));
  return count >= 0 ? count > 0 && fds[1].revents == 0 : errno == EINTR;
}

// Runs it to its end, as wait_for() allows. Empty, or the problem.
std::string run_statement(PGconn* connection, const std::string& statement, const PgSignal& cancel,
                          int64_t until_ms) {
  if (!PQsendQuery(connection, statement.c_str())) return pg_one_line(PQerrorMessage(connection));
  while (PQisBusy(connection)) {
    if (!wait_for(connection, PGRES_POLLING_READING, cancel, until_ms)) return "no answer in time";
    if (!PQconsumeInput(connection)) return pg_one_line(PQerrorMessage(connection));
  }
  const PgRows result(PQgetResult(connection));
  const bool went_well = PQresultStatus(result.get()) == PGRES_COMMAND_OK;
  return went_well ? "" : pg_one_line(PQresultErrorMessage(result.get()));
}

}  // namespace

PgHandle pg_connect(const PgAddress& address, const PgSignal& cancel, int64_t until_ms,
                    std::string& problem) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : address.keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PgHandle connection(PQconnectStartParams(names.data(), values.data(), 0));
  if (!connection) {
    problem = "out of memory";
    return nullptr;
  }
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  if (PQstatus(connection.get()) == CONNECTION_BAD) status = PGRES_POLLING_FAILED;
  while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
    if (!wait_for(connection.get(), status, cancel, until_ms)) {
      problem = "the server does not answer";
      return nullptr;
    }
    status = PQconnectPoll(connection.get());
  }
  if (status == PGRES_POLLING_OK) return connection;
  problem = pg_one_line(PQerrorMessage(connection.get()));
  return nullptr;
}

PgConnector::~PgConnector() { cancel(); }

void PgConnector::begin(int64_t timeout_ms, std::string statement) {
  LIVEHUB_CHECK(!is_busy_, "one attempt at a time");
  outcome_ = {};
  is_busy_ = true;
  is_done_.store(false, std::memory_order_relaxed);
  const int64_t until_ms = base::monotonic_ms() + timeout_ms;
  try {
    thread_ = std::thread([this, until_ms, text = std::move(statement)] { run(until_ms, text); });
  } catch (const std::system_error& error) {
    outcome_.problem = std::string("no thread to connect on: ") + error.what();
    is_done_.store(true, std::memory_order_relaxed);
    done_.raise();
  }
}

void PgConnector::run(int64_t until_ms, const std::string& statement) {
  outcome_.connection = pg_connect(address_, cancel_, until_ms, outcome_.problem);
  if (outcome_.connection && !statement.empty()) {
    outcome_.problem = run_statement(outcome_.connection.get(), statement, cancel_, until_ms);
    outcome_.connection.reset();
  }
  is_done_.store(true, std::memory_order_release);
  done_.raise();
}

std::optional<PgConnector::Outcome> PgConnector::take() {
  if (!is_busy_ || !is_done_.load(std::memory_order_acquire)) return std::nullopt;
  if (thread_.joinable()) thread_.join();
  is_busy_ = false;
  return std::exchange(outcome_, {});
}

void PgConnector::cancel() {
  if (!is_busy_) return;
  cancel_.raise();
  if (thread_.joinable()) thread_.join();
  is_busy_ = false;
  cancel_.clear();
  outcome_ = {};
}

// --- PgLink ---

PgLink::PgLink(PgHandle connection) : connection_(std::move(connection)) {
  PQsetnonblocking(connection_.get(), 1);
  PQsetNoticeProcessor(connection_.get(), keep_notice, this);
}

void PgLink::keep_notice(void* self, const char* message) {
  static_cast<PgLink*>(self)->notice_ = pg_one_line(message);
}

bool PgLink::ask(const std::string& statements) {
  LIVEHUB_CHECK(is_idle(), "one query at a time");
  answer_ = {};
  is_asking_ = true;
  return PQsendQuery(connection_.get(), statements.c_str()) && flush();
}

bool PgLink::ask(const std::string& statement, const std::vector<std::string>& arguments) {
  LIVEHUB_CHECK(is_idle(), "one query at a time");
  answer_ = {};
  is_asking_ = true;
  std::vector<const char*> values;
  values.reserve(arguments.size());
  for (const std::string& argument : arguments) values.push_back(argument.c_str());
  return PQsendQueryParams(connection_.get(), statement.c_str(), static_cast<int>(values.size()),
                           nullptr, values.data(), nullptr, nullptr, 0) &&
         flush();
}

bool PgLink::flush() {
  const int left = PQflush(connection_.get());
  has_unsent_ = left == 1;
  return left >= 0;
}

bool PgLink::exchange() {
  // Reading first: what the server says before it hangs up explains a failed send.
  if (!PQconsumeInput(connection_.get())) return false;
  return !has_unsent_ || flush();
}

// libpq looks at what it has read only when it is asked for something in it, and gives the
// connection up when that is nothing it knows.
bool PgLink::is_whole() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

PgNotification PgLink::next_notification() { return PgNotification(PQnotifies(connection_.get())); }

std::optional<PgAnswer> PgLink::take_answer() {
  while (is_asking_ && !PQisBusy(connection_.get())) {
    PgRows result(PQgetResult(connection_.get()));
    if (!result) {
      is_asking_ = false;
      return std::exchange(answer_, {});
    }
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      answer_.rows = std::move(result);
    } else if (answer_.error.empty()) {
      answer_.error = pg_one_line(PQresultErrorMessage(result.get()));
      if (answer_.error.empty()) answer_.error = "an unexpected answer";
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      if (state) answer_.state = state;
    }
    // A COPY would go on for ever; we never ask for one.
    if (PQstatus(connection_.get()) == CONNECTION_BAD) break;
  }
  return std::nullopt;
}

std::string PgLink::problem() const {
  // The notice is what a terminated session was told; without one, libpq's own words.
  if (!notice_.empty()) return notice_;
  const std::string message = pg_one_line(PQerrorMessage(connection_.get()));
  return message.empty() ? "the connection was lost" : message;
}

}  // namespace livehub::source
