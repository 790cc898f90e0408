#include "adapter/redis/codec.h"

#include <cassert>
#include <utility>

#include <hiredis/hiredis.h>

namespace leadline {
namespace {

// Where hiredis' task puts its value: into its array, or at the top. nullptr ends the parsing:
// more values than allowed. Arrays are sized when they are announced, so places stay where they
// are.
RedisReply* place_for(const redisReadTask* task, std::size_t children) {
  auto& left = *static_cast<std::size_t*>(task->privdata);
  if (children > left) return nullptr;
  left -= children;
  if (task->parent == nullptr) return new RedisReply;
  auto& items = static_cast<RedisReply*>(task->parent->obj)->items;
  assert(task->idx >= 0 && static_cast<std::size_t>(task->idx) < items.size());
  return &items[static_cast<std::size_t>(task->idx)];
}

void* make_string(const redisReadTask* task, char* text, std::size_t size) {
  RedisReply* reply = place_for(task, 0);
  const bool is_error = task->type == REDIS_REPLY_ERROR;
  reply->type = is_error ? RedisReply::Type::kError : RedisReply::Type::kText;
  reply->text.assign(text, size);
  return reply;
}

void* make_array(const redisReadTask* task, int size) {
  const auto count = static_cast<std::size_t>(size);
  RedisReply* reply = place_for(task, count);
  if (reply == nullptr) return nullptr;
  reply->type = RedisReply::Type::kArray;
  reply->items.resize(count);
  return reply;
}

void* make_integer(const redisReadTask* task, long long value) {
  RedisReply* reply = place_for(task, 0);
  reply->type = RedisReply::Type::kInteger;
  reply->integer = value;
  return reply;
}

void* make_nil(const redisReadTask* task) {
  return place_for(task, 0);
}

void free_reply(void* reply) {
  delete static_cast<RedisReply*>(reply);
}

// hiredis asks for a pointer to it without const.
redisReplyObjectFunctions functions = {make_string, make_array, make_integer, make_nil, free_reply};

}  // namespace

std::string redis_bytes(const RedisCommand& command) {
  assert(!command.empty());
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const std::string& word : command) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* text = nullptr;
  const int size =
      redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), sizes.data());
  assert(size > 0);
  std::string bytes(text, static_cast<std::size_t>(size));
  redisFreeCommand(text);
  return bytes;
}

void RedisReader::Free::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

RedisReader::RedisReader(std::size_t expected, RedisLimits limits)
    : expected_(expected),
      limits_(limits),
      values_left_(limits.values),
      reader_(redisReaderCreateWithFunctions(&functions)) {
  reader_->privdata = &values_left_;
}

RedisReader::~RedisReader() = default;

Result<bool> RedisReader::feed(std::string_view bytes) {
  if (bytes.size() > limits_.bytes) {
    return fail(Errc::kBadInput, "the replies are larger than allowed");
  }
  limits_.bytes -= bytes.size();
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
  for (;;) {
    const Result<bool> got = next();
    if (!got) return fail(got.error());
    if (!*got) break;
  }
  const bool surplus = reader_->len > reader_->pos;
  if (replies_.size() == expected_ && surplus) {
    return fail(Errc::kBadInput, "more replies than were asked for");
  }
  return replies_.size() == expected_;
}

// Whether another complete reply was there.
Result<bool> RedisReader::next() {
  if (replies_.size() == expected_) return false;
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    if (reader_->err == REDIS_ERR_OOM) {
      return fail(Errc::kBadInput, "the replies hold more values than allowed");
    }
    return fail(Errc::kBadInput, "no Redis protocol: {}", &reader_->errstr[0]);
  }
  if (reply == nullptr) return false;
  const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(reply));
  replies_.push_back(std::move(*owned));
  return true;
}

}  // namespace leadline
