// A blocking connection to one Redis server, for the stand-in worker and its jobs: one command, one
// reply, within two seconds. Not thread-safe. Library: hiredis 0.14.1.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct redisContext;  // NOLINT(readability-identifier-naming): hiredis' name
struct redisReply;    // NOLINT(readability-identifier-naming): likewise

namespace leadline {

class RedisClient {
 public:
  struct FreeReply {
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;

  // `address`: HOST:PORT. kBadConfig: no address; kUnavailable: no connection.
  [[nodiscard]] static Result<RedisClient> connect(const std::string& address);

  // kUnavailable: the connection is lost, for good; kBadInput: Redis' error, in its words.
  [[nodiscard]] Result<Reply> say(const std::vector<std::string>& words);

 private:
  struct FreeContext {
    void operator()(redisContext* context) const;
  };
  explicit RedisClient(redisContext* context) : context_(context) {}

  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace leadline
