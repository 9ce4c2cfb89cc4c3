// A real PostgreSQL for the tests: a cluster in a directory of its own, on a free port, as a user
// without privileges (the server refuses root); and pgbouncer before it. Ends with the test.
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "freeze.h"

namespace livehub::source::pg_test {

inline bool eventually(const std::function<bool()>& condition, int seconds = 60) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}
inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Runs as `nobody` where we are root; its output goes to a file.
inline pid_t spawn(const std::vector<std::string>& command, const std::string& directory,
                   const std::string& log) {
  const pid_t child = fork();
  if (child != 0) return child;
  const passwd* user = geteuid() == 0 ? getpwnam("nobody") : nullptr;
  if (user && (setgroups(0, nullptr) || setgid(user->pw_gid) || setuid(user->pw_uid))) _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  if (chdir(directory.c_str()) != 0) _exit(126);
  setenv("LC_ALL", "C", 1);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

inline int wait_for_exit(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "livehub-pg-XXXXXX";
    path_ = mkdtemp(name.data());
    const passwd* user = geteuid() == 0 ? getpwnam("nobody") : nullptr;
    if (user && chown(path_.c_str(), user->pw_uid, user->pw_gid) != 0) std::abort();
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class PostgresServer {
 public:
  PostgresServer() {
    log_ = directory_.path() + "/log";
    write_file(directory_.path() + "/password", "s3cret pass/word\n");
    if (wait_for_exit(spawn({bin() + "/initdb", "-D", data(), "-U", "owner", "-A", "scram-sha-256",
                             "--pwfile", directory_.path() + "/password", "-E", "UTF8", "--locale",
                             "C", "--no-sync", "--no-instructions"},
                            directory_.path(), log_)) != 0)
      throw std::runtime_error("initdb failed: " + read_file(log_));
    wait_for_exit(
        spawn({"openssl", "req", "-new", "-x509", "-nodes", "-subj", "/CN=localhost", "-days", "2",
               "-keyout", data() + "/server.key", "-out", data() + "/server.crt"},
              directory_.path(), log_));
    start();
  }
  ~PostgresServer() { stop(); }

  static PostgresServer& shared() {
    static PostgresServer server;
    return server;
  }

  uint16_t port() const { return port_; }
  const std::string& directory() const { return directory_.path(); }
  std::string url(const std::string& parameters = "", uint16_t port = 0) const {
    return "postgres://owner:s3cret%20pass%2Fword@127.0.0.1:" +
           std::to_string(port ? port : port_) + "/postgres" + parameters;
  }

  void start() {
    if (pid_ > 0) return;
    for (int attempt = 0; attempt < 5 && pid_ <= 0; ++attempt) {
      if (port_ == 0 || attempt > 0) port_ = free_port();
      pid_ = spawn({bin() + "/postgres",
                    "-D",
                    data(),
                    "-p",
                    std::to_string(port_),
                    "-k",
                    directory_.path(),
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "fsync=off",
                    "-c",
                    "ssl=on",
                    "-c",
                    "shared_buffers=16MB",
                    "-c",
                    "max_connections=40",
                    "-c",
                    "log_min_messages=warning",
                    "-c",
                    "max_prepared_transactions=5"},
                   directory_.path(), log_);
      if (!eventually([this] { return accepts() || has_ended(); }) || pid_ <= 0) continue;
    }
    if (pid_ <= 0) throw std::runtime_error("postgres does not start: " + read_file(log_));
  }
  void stop(int signal = SIGINT) {
    if (pid_ <= 0) return;
    thaw();
    kill(pid_, signal);
    wait_for_exit(pid_);
    pid_ = 0;
  }
  // Every process of it, ours first.
  void freeze() {
    frozen_ = children();
    frozen_.insert(frozen_.begin(), pid_);
    for (const pid_t pid : frozen_) freeze_process(pid);
  }
  void thaw() {
    for (const pid_t pid : frozen_) kill(pid, SIGCONT);
    frozen_.clear();
  }

 private:
  static std::string bin() {
    std::string newest;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql"))
      if (std::filesystem::exists(entry.path() / "bin/postgres"))
        newest = std::max(newest, std::string(entry.path() / "bin"));
    return newest;
  }
  std::string data() const { return directory_.path() + "/data"; }
  bool accepts() const { return PQping(url().c_str()) == PQPING_OK; }
  bool has_ended() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ <= 0;
  }
  std::vector<pid_t> children() const {
    const std::string id = std::to_string(pid_);
    std::istringstream list(read_file("/proc/" + id + "/task/" + id + "/children"));
    std::vector<pid_t> pids;
    for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
    return pids;
  }

  ScratchDirectory directory_;
  std::string log_;
  uint16_t port_ = 0;
  pid_t pid_ = 0;
  std::vector<pid_t> frozen_;
};

// pgbouncer in transaction mode, to the given server.
class Pooler {
 public:
  explicit Pooler(const PostgresServer& server) : port_(free_port()) {
    const std::string file = directory_.path() + "/pgbouncer.ini";
    write_file(file,
               "[databases]\npostgres = host=127.0.0.1 port=" + std::to_string(server.port()) +
                   " user=owner password='s3cret pass/word'\n[pgbouncer]\n"
                   "listen_addr = 127.0.0.1\nlisten_port = " +
                   std::to_string(port_) +
                   "\nauth_type = any\npool_mode = transaction\nunix_socket_dir =\n"
                   "server_tls_sslmode = disable\n");
    pid_ = spawn({"/usr/sbin/pgbouncer", file}, directory_.path(), directory_.path() + "/log");
    eventually([&] { return PQping(server.url("", port_).c_str()) == PQPING_OK; });
  }
  ~Pooler() {
    kill(pid_, SIGQUIT);
    wait_for_exit(pid_);
  }
  uint16_t port() const { return port_; }

 private:
  ScratchDirectory directory_;
  uint16_t port_;
  pid_t pid_ = 0;
};

// Somebody else's session.
class Client {
 public:
  explicit Client(const PostgresServer& server) : connection_(PQconnectdb(server.url().c_str())) {
    EXPECT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
  }
  ~Client() { PQfinish(connection_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The first value, if there is one.
  std::string run(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        << sql << ": " << PQerrorMessage(connection_);
    std::string value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    PQclear(result);
    return value;
  }
  // "" or the error's text.
  std::string error_of(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    std::string text = PQresultErrorMessage(result);
    PQclear(result);
    return text;
  }
  void notify(const std::string& name, const std::string& payload) {
    const char* values[] = {name.c_str(), payload.c_str()};
    PQclear(PQexecParams(connection_, "SELECT pg_notify($1, $2)", 2, nullptr, values, nullptr,
                         nullptr, 0));
  }

 private:
  PGconn* connection_;
};

}  // namespace livehub::source::pg_test
