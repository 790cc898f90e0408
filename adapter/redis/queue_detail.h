// What a queue tells beyond the number of its jobs: how many were ever added, and when the oldest
// came. Asked for in a pipeline after that of the counts, since the replies carry whole jobs, which
// may be huge, and since a user may lack the right: neither ever costs a count. Used by
// RedisPoller. Pure.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "adapter/redis/queue.h"

namespace leadline {

// Which kinds tell it: streams; of the oldest job's time also presets whose jobs carry it.
[[nodiscard]] constexpr bool tells_added(QueueKind kind) {
  return kind == QueueKind::kStream;
}
[[nodiscard]] constexpr bool tells_oldest(QueueKind kind) {
  return kind == QueueKind::kStream || kind == QueueKind::kSidekiq;
}

struct QueueDetail {
  Result<std::vector<std::int64_t>> added;  // jobs ever, to each key; falls where a key is deleted
  // When the oldest job that waits or is in flight came, since the epoch; nullopt: none was seen.
  Result<std::optional<std::chrono::milliseconds>> oldest;
};

// Empty for a kind that tells neither.
[[nodiscard]] std::vector<RedisCommand> detail_commands(const RedisQueue& queue);

// `reading`: of the counts just before, with its tails. Either part may be an error of its own:
// kBadInput with what Redis said, kUnavailable where it is too old to tell.
// REQUIRES: a reply for each of detail_commands().
[[nodiscard]] QueueDetail read_detail(const RedisQueue& queue, const QueueReading& reading,
                                      std::span<const RedisReply> replies);

// Redis' own clock, by which streams' IDs are made. It is asked in the same pipeline, so that no
// other clock matters; of a cluster any node may answer.
[[nodiscard]] RedisCommand time_command();
[[nodiscard]] Result<std::chrono::milliseconds> read_time(const RedisReply& reply);

}  // namespace leadline
