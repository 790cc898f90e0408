// The Redis protocol (RESP2) as values: a command to bytes, bytes to replies. hiredis does the
// parsing; what it builds, and how much of it, is decided here, since a server, or whoever sits in
// its place, may say anything. Used by RedisConnection. Not thread-safe: one exchange owns a
// reader. Source: redis.io "Redis serialization protocol specification"; hiredis 0.14.1 read.h.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct redisReader;  // NOLINT(readability-identifier-naming): hiredis' name

namespace leadline {

// Name and arguments: {"LLEN", "jobs"}. Arguments may hold any byte. REQUIRES: not empty.
using RedisCommand = std::vector<std::string>;

// The bytes of one command.
[[nodiscard]] std::string redis_bytes(const RedisCommand& command);

struct RedisReply {
  enum class Type { kNil, kInteger, kText, kError, kArray };
  Type type = Type::kNil;
  std::int64_t integer = 0;       // of kInteger
  std::string text;               // of kText and kError: the server's words, any byte
  std::vector<RedisReply> items;  // of kArray
};

struct RedisLimits {
  std::size_t bytes = 16'000'000;  // of all replies of one exchange
  std::size_t values = 200'000;    // likewise, arrays counted as announced
};

class RedisReader {
 public:
  // `expected`: how many replies the exchange has.
  explicit RedisReader(std::size_t expected, RedisLimits limits = {});
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  // true: all expected replies are there. kBadInput: no RESP2, nested deeper than hiredis' seven
  // arrays, over a limit, or more than was asked for; the reader is of no use after that.
  [[nodiscard]] Result<bool> feed(std::string_view bytes);

  // REQUIRES: feed() said true.
  [[nodiscard]] std::vector<RedisReply> take() { return std::move(replies_); }

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  [[nodiscard]] Result<bool> next();

  std::size_t expected_;
  RedisLimits limits_;
  std::size_t values_left_;
  std::unique_ptr<redisReader, Free> reader_;
  std::vector<RedisReply> replies_;
};

}  // namespace leadline
