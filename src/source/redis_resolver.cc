#include "source/redis_resolver.h"

#include <netdb.h>
#include <resolv.h>

#include <cstring>

#include "source/thread.h"

namespace livehub::source {
namespace {

void resolve(const std::string& host, uint16_t port, std::vector<SocketAddress>& found,
             std::string& problem) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    problem = std::string("its name cannot be resolved: ") + ::gai_strerror(error);
    return;
  }
  for (const addrinfo* each = list; each; each = each->ai_next) {
    SocketAddress address;
    if (each->ai_addrlen > sizeof(address.storage)) continue;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    found.push_back(address);
  }
  ::freeaddrinfo(list);
  if (found.empty()) problem = "its name has no address";
}

}  // namespace

RedisResolver::RedisResolver() {
  thread_ = start_thread([this] { run(); });
}

RedisResolver::~RedisResolver() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void RedisResolver::ask(std::string host, uint16_t port, Answer answer) {
  {
    const std::lock_guard guard(mutex_);
    questions_.push_back({std::move(host), port, std::move(answer)});
  }
  changed_.notify_one();
}

void RedisResolver::run() {
  ::res_init();  // this thread's own state
  _res.retrans = 2;
  _res.retry = 2;
  for (;;) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return is_stopping_ || !questions_.empty(); });
      if (is_stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    std::vector<SocketAddress> found;
    std::string problem;
    resolve(question.host, question.port, found, problem);
    question.answer(std::move(found), std::move(problem));
  }
}

}  // namespace livehub::source
