#include "sim/redis_client.h"

#include <charconv>
#include <cstdint>

#include <sys/time.h>

#include <hiredis/hiredis.h>

namespace leadline {
namespace {

constexpr timeval kTimeout{.tv_sec = 2, .tv_usec = 0};

}  // namespace

void RedisClient::FreeReply::operator()(redisReply* reply) const {
  freeReplyObject(reply);
}

void RedisClient::FreeContext::operator()(redisContext* context) const {
  redisFree(context);
}

Result<RedisClient> RedisClient::connect(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  if (colon != std::string::npos) {
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  }
  if (port == 0) return fail(Errc::kBadConfig, "--redis {}: must be HOST:PORT", address);
  RedisClient client(redisConnectWithTimeout(address.substr(0, colon).c_str(), port, kTimeout));
  redisContext* context = client.context_.get();
  if (context == nullptr || context->err != 0) {
    return fail(Errc::kUnavailable, "redis {}: {}", address,
                context == nullptr ? "no memory" : &context->errstr[0]);
  }
  redisSetTimeout(context, kTimeout);
  return client;
}

Result<RedisClient::Reply> RedisClient::say(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  Reply reply(static_cast<redisReply*>(redisCommandArgv(
      context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
  if (!reply) return fail(Errc::kUnavailable, "redis: {}", &context_->errstr[0]);
  if (reply->type == REDIS_REPLY_ERROR) return fail(Errc::kBadInput, "redis: {}", reply->str);
  return reply;
}

}  // namespace leadline
