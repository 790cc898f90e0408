// What a Redis server may answer: the replies do not depend on how the bytes were cut, and no bytes
// make a queue's jobs fewer than none, or more than can be counted.

#include <algorithm>
#include <vector>

#include "adapter/redis/queue.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

constexpr std::int64_t kMostJobs = 1LL << 56;  // of all keys of a queue together
constexpr RedisLimits kLimits{.bytes = 100'000, .values = 1'000};

bool same(const RedisReply& a, const RedisReply& b) {
  return a.type == b.type && a.integer == b.integer && a.text == b.text &&
         std::ranges::equal(a.items, b.items,
                            [](const auto& one, const auto& other) { return same(one, other); });
}

// Empty: not all of them came, or what came was refused.
std::vector<RedisReply> read(std::string_view bytes, std::size_t expected, std::size_t piece) {
  RedisReader reader(expected, kLimits);
  bool complete = false;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    require(!complete, "nothing stands behind complete replies");
    const auto fed = reader.feed(bytes.substr(at, piece));
    if (!fed) {
      require(fed.error().code == Errc::kBadInput, "replies are bad input");
      return {};
    }
    complete = *fed;
  }
  return complete ? reader.take() : std::vector<RedisReply>();
}

void check_tails(const QueueReading& reading, const RedisReply& reply) {
  for (const StreamTail& tail : reading.tails) {
    require(tail_command(tail).size() == 6, "a tail is asked for");
    const auto count = read_tail(tail, reply);
    require(!count || (*count >= 0 && *count <= kMostJobs), "a tail is a number of jobs");
  }
}

void check_queue(const RedisQueue& queue, std::string_view bytes) {
  const std::size_t expected = queue_commands(queue, {}).size();
  const auto replies = read(bytes, expected, std::max<std::size_t>(bytes.size(), 1));
  if (replies.empty()) return;
  require(std::ranges::equal(replies, read(bytes, expected, 1),
                             [](const auto& one, const auto& other) { return same(one, other); }),
          "how the bytes are cut does not matter");
  const auto reading = read_queue(queue, replies);
  if (!reading) return require(!reading.error().message.empty(), "a refusal says why");
  require(reading->depth >= 0 && reading->depth <= kMostJobs, "a depth is a number of jobs");
  require(reading->in_flight.value_or(0) >= 0, "in flight is a number of jobs");
  for (const RedisReply& reply : replies) check_tails(*reading, reply);
}

}  // namespace

void check_input(std::string_view input) {
  for (const QueueKind kind : {QueueKind::kList, QueueKind::kStream, QueueKind::kCounter,
                               QueueKind::kCelery, QueueKind::kAsynq}) {
    RedisQueue queue{.name = "q",
                     .namespace_name = "ns",
                     .server = "main",
                     .kind = kind,
                     .keys = {"q"},
                     .group = {}};
    check_queue(queue, input);
    if (kind != QueueKind::kStream) continue;
    queue.group = "g";
    check_queue(queue, input);
  }
}

}  // namespace leadline::fuzz
