// What is common to reading Redis' replies: a count, a field, a refusal in the server's own words.
// Used by whoever reads them. Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/redis/codec.h"
#include "base/result.h"

namespace leadline {

inline constexpr std::int64_t kMostJobs =
    1LL << 53;  // what a double holds exactly; sums cannot overflow

// The one key of a command; empty where it has none.
[[nodiscard]] const std::string& key_of(const RedisCommand& command);

// The number that is all of `text`; nullopt: it is none, or does not fit.
[[nodiscard]] std::optional<std::int64_t> whole_number_in(std::string_view text);

// A server's words as a message may repeat them: printable, and not longer than a person reads.
[[nodiscard]] std::string shown_words(std::string_view words);

// kBadInput with command, key and reason, of which no more is repeated than a person reads.
[[nodiscard]] tl::unexpected<Error> refused(const RedisCommand& command, std::string_view why);

// The value behind `name` in a flat list of names and values; nullptr: an older Redis has none.
[[nodiscard]] const RedisReply* field(const RedisReply& reply, std::string_view name);

// Whether it is a number of jobs: an integer in [0, kMostJobs]. nullptr is none.
[[nodiscard]] bool is_count(const RedisReply* reply);

[[nodiscard]] inline bool is_error(const RedisReply& reply, std::string_view beginning = {}) {
  return reply.type == RedisReply::Type::kError && reply.text.starts_with(beginning);
}

// What some commands answer where the key does not exist.
[[nodiscard]] inline bool no_such_key(const RedisReply& reply) {
  return is_error(reply, "ERR no such key");
}

}  // namespace leadline
