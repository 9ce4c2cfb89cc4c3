#include "source/redis_reader.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

namespace livehub::source {
namespace {

// The place of a value that hiredis has read: the root is owned by whoever takes it, a child lies
// in its parent's `items`.
RedisReply* place_of(const redisReadTask* task) {
  if (!task->parent) return std::make_unique<RedisReply>().release();
  auto* parent = static_cast<RedisReply*>(task->parent->obj);
  return &parent->items[static_cast<size_t>(task->idx)];
}

void* make_string(const redisReadTask* task, char* text, size_t size) {
  RedisReply* reply = place_of(task);
  reply->kind = task->type == REDIS_REPLY_ERROR    ? RedisReply::Kind::kError
                : task->type == REDIS_REPLY_STATUS ? RedisReply::Kind::kStatus
                                                   : RedisReply::Kind::kString;
  reply->text.assign(text, size);
  return reply;
}

void* make_array(const redisReadTask* task, int count) {
  // The root's task carries the reader's private data; hiredis hands it down to every level.
  auto* items = static_cast<size_t*>(task->privdata);
  if (count < 0) return nullptr;
  *items += static_cast<size_t>(count);
  if (*items > kRedisReplyItemsMax) return nullptr;
  RedisReply* reply = place_of(task);
  reply->kind = RedisReply::Kind::kArray;
  reply->items.resize(static_cast<size_t>(count));
  return reply;
}

void* make_integer(const redisReadTask* task, long long value) {
  RedisReply* reply = place_of(task);
  reply->kind = RedisReply::Kind::kInteger;
  reply->integer = value;
  return reply;
}

void* make_nil(const redisReadTask* task) { return place_of(task); }

void free_reply(void* reply) { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions functions = {make_string, make_array, make_integer, make_nil, free_reply};

}  // namespace

RedisReader::RedisReader()
    : reader_(redisReaderCreateWithFunctions(&functions), [](redisReader* r) {
        if (r) redisReaderFree(r);
      }) {
  if (!reader_) has_failed_ = true;
  if (reader_) reader_->privdata = &items_;
}
RedisReader::~RedisReader() = default;

bool RedisReader::feed(std::string_view bytes) {
  if (has_failed_) return false;
  if (reader_->len - reader_->pos + bytes.size() > kRedisReplyBytesMax ||
      redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    has_failed_ = true;
  return !has_failed_;
}

std::optional<RedisReply> RedisReader::next() {
  if (has_failed_) return std::nullopt;
  void* raw = nullptr;
  if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
    has_failed_ = true;
    return std::nullopt;
  }
  if (!raw) return std::nullopt;
  const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(raw));
  items_ = 0;
  return std::move(*reply);
}

void write_redis_command(std::string& out, const std::vector<std::string>& arguments) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  texts.reserve(arguments.size());
  sizes.reserve(arguments.size());
  for (const std::string& argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(&formatted, static_cast<int>(arguments.size()),
                                          texts.data(), sizes.data());
  if (size > 0) out.append(formatted, static_cast<size_t>(size));
  redisFreeCommand(formatted);
}

}  // namespace livehub::source
