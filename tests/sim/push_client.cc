#include "push_client.h"

#include <charconv>

namespace livehub::sim {

namespace {

constexpr int64_t kIdleNs = 60'000'000'000;  // the server's is 75 s

}  // namespace

PushClient::PushClient(Scene& scene, std::string name) : Client(scene, std::move(name)) {
  down_room_ = scene.random().chance(3000) ? 100 : 65536;
  read_bytes_max_ = scene.random().chance(3000) ? 7 : 65536;
  is_impatient_ = scene.is_hasty || scene.random().chance(3000);
  connect_in_ms(300);
}

void PushClient::on_connected() {
  forget();
  used_at_ns_ = scene_.kernel.now_ns();
  if (!scene_.is_calm) act_freely();
}

void PushClient::forget() {
  waiting_.clear();
  in_.clear();
  asked_bytes_ = 0;
  is_last_ = false;
}

// --- asking ---

bool PushClient::push_now() {
  if (!link_ || is_last_ || is_half_closed_) return false;
  if (scene_.kernel.now_ns() - used_at_ns_ > kIdleNs) {  // it may be closed while we ask
    scene_.kernel.close(*link_);
    on_cut();
    drop_link();
    return false;
  }
  ask(true);
  return true;
}

void PushClient::act_freely() {
  if (is_impatient_ && !waiting_.empty() && out_.empty() && scene_.random().chance(5000)) {
    scene_.kernel.count(io::SimFault::kClientReset);
    scene_.kernel.reset(*link_);
    on_cut();
    drop_link();
    return connect_in_ms(0);
  }
  if (waiting_.size() > 6 || is_last_ || is_half_closed_ || !out_.empty()) return;
  for (uint64_t more = scene_.random().chance(2000) ? scene_.random().between(2, 5) : 1; more > 0;
       --more)
    ask(scene_.random().chance(8500));
}

// A body with its headers: counted, or in chunks cut anywhere.
std::string PushClient::body_in(const std::string& document, std::string& headers) {
  if (scene_.random().chance(7000)) {
    headers += "Content-Length: " + std::to_string(document.size()) + "\r\n";
    return document;
  }
  headers += "Transfer-Encoding: chunked\r\n";
  std::string body;
  for (size_t at = 0; at < document.size();) {
    const size_t bytes = scene_.random().between(1, document.size() - at);
    char size[16];
    const auto end = std::to_chars(size, size + sizeof(size), bytes, 16).ptr;
    body.append(size, end).append("\r\n").append(document, at, bytes).append("\r\n");
    at += bytes;
  }
  return body + "0\r\n\r\n";
}

void PushClient::ask_push(size_t bytes) {
  Waiting waiting;
  waiting.push = scene_.oracle.make_push("live", bytes, scene_.engine);
  std::string document = scene_.oracle.push(waiting.push).payload;
  if (scene_.random().chance(1000)) document.insert(5, " \r\n\t");  // compacted on the way
  if (document.size() > scene_.body_bytes_max) waiting.status = 413;
  std::string headers = "POST /api/live/push HTTP/1.1\r\nHost: sim\r\n";
  if (scene_.random().chance(500)) headers += "Expect: 100-continue\r\n";
  const std::string body = body_in(document, headers);
  enqueue(waiting, headers + "\r\n" + body);
}

void PushClient::enqueue(Waiting waiting, const std::string& request) {
  used_at_ns_ = scene_.kernel.now_ns();
  waiting.begins_at = asked_bytes_;
  waiting_.push_back(waiting);
  asked_bytes_ += request.size();
  out_ += request;
}

void PushClient::ask(bool is_good) {
  io::SimRandom& random = scene_.random();
  if (is_good) {
    // Where memory is short it is large frames, held by those who do not read, that use it up.
    const bool is_large = scene_.has_large && random.chance(scene_.is_poor ? 4000 : 700);
    const bool may_be_huge = !scene_.is_poor && scene_.body_bytes_max > 60'000;
    return ask_push(is_large ? random.between(300, random.chance(2000) && may_be_huge ? 60'000
                                                   : scene_.is_poor                   ? 30'000
                                                                                      : 6000)
                             : random.between(30, scene_.has_large ? 250 : 70));
  }
  const std::string host = " HTTP/1.1\r\nHost: sim\r\n";
  const std::string post = "POST /api/live/push" + host;
  switch (random.below(7)) {
    case 0:
      return enqueue({.status = 200}, "GET /health" + host + "\r\n");
    case 1:
      return enqueue({.status = 204}, "OPTIONS /any" + host + "\r\n");
    case 2:
      return enqueue({.status = 404}, "GET /nowhere" + host + "\r\n");
    case 3:
      return enqueue({.status = 404, .is_head_only = true}, "HEAD /health" + host + "\r\n");
    case 4:
      return enqueue({.status = 400}, post + "Content-Length: 5\r\n\r\n{\"n\":");
    case 5:
      return enqueue({.status = 400}, post + "Content-Length: 0\r\n\r\n");
    default:
      return ask_push(scene_.body_bytes_max + random.between(10, 3000));
  }
}

void PushClient::on_written(uint64_t total) {
  for (const Waiting& waiting : waiting_) {
    if (waiting.push == 0 || waiting.begins_at >= total) continue;
    Push& push = scene_.oracle.push(waiting.push);
    if (push.sent_step == kNever) push.sent_step = scene_.step;
  }
}

// --- answers ---

void PushClient::on_bytes(std::string bytes) {
  in_ += bytes;
  while (!in_.empty()) {
    if (is_last_) fail(name_ + ": more after the last answer");
    std::string rest = in_;
    const auto head = take_head(name_, rest);
    if (!head) return;
    if (head->status == 100) {
      in_ = rest;
      continue;
    }
    const bool is_late = head->status == 408 && !must_be_told();
    if (waiting_.empty() && !is_late) fail(name_ + ": an answer to nothing");
    size_t body_bytes = 0;
    const std::string_view length = head->header("content-length");
    const bool is_empty = head->status == 204 || (!is_late && waiting_.front().is_head_only);
    if (!is_empty && length.empty()) fail(name_ + ": an answer without a length");
    if (!is_empty) std::from_chars(length.data(), length.data() + length.size(), body_bytes);
    if (rest.size() < body_bytes) return;
    in_ = rest.substr(body_bytes);
    on_answer(*head, std::string_view(rest).substr(0, body_bytes));
  }
}

void PushClient::on_answer(const ResponseHead& head, std::string_view body) {
  ++scene_.answers[head.status / 100];
  is_last_ = head.header("connection") == "close";
  if (head.status == 408) {
    if (!is_last_) fail(name_ + ": 408 and no close");
    return waiting_.clear();
  }
  const Waiting asked = waiting_.front();
  waiting_.pop_front();
  const bool is_busy = head.status == 503 && asked.status != 204;
  if (head.status != asked.status && !is_busy)
    fail(name_ + ": " + std::to_string(head.status) + " where " + std::to_string(asked.status) +
         " is due: " + std::string(body.substr(0, 80)));
  if (is_busy && head.header("retry-after").empty()) fail(name_ + ": 503 without Retry-After");
  if (is_last_) {
    for (Waiting& lost : waiting_) lost.push = 0;  // nobody reads them any more
    waiting_.clear();
  }
  if (asked.push == 0 || (scene_.has_broker && is_busy)) return;
  if (head.status != 200) return scene_.oracle.on_refused(asked.push);
  if (body != "{\"ok\":true}") fail(name_ + ": a 200 that says " + std::string(body));
  if (scene_.has_broker) return;
  const auto position = hub::parse_position(head.header("x-position"));
  if (!position) fail(name_ + ": a 200 without a position");
  scene_.oracle.on_accepted(asked.push, *position);
}

void PushClient::on_end(bool is_orderly) {
  const bool is_read = !waiting_.empty() && out_.empty();
  if (must_be_told() && is_orderly && is_read)
    fail(name_ + ": closed without an answer in the calm");
  if (is_orderly && !in_.empty()) fail(name_ + ": closed in the middle of an answer");
  forget();
}

void PushClient::check_end() const {
  if (!waiting_.empty()) fail(name_ + ": a request was never answered");
}

}  // namespace livehub::sim
