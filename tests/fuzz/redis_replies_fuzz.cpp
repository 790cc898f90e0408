// What a Redis server may answer: the replies do not depend on how the bytes were cut, and no bytes
// make a queue's jobs fewer than none, or more than can be counted, or its ages and rates negative.

#include <algorithm>
#include <span>
#include <vector>

#include "adapter/redis/queue_detail.h"
#include "adapter/redis/queue_rates.h"
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
    QueueReading counted;
    static_cast<void>(add_tail(counted, tail, reply));
    require(counted.depth >= 0 && counted.depth <= kMostJobs, "a tail is a number of jobs");
  }
}

// Of the same bytes as if they were an answer to what comes next.
void check_detail(const RedisQueue& queue, QueueReading reading, std::string_view bytes) {
  const std::size_t expected = detail_commands(queue).size() + 1;
  const auto replies = read(bytes, expected, std::max<std::size_t>(bytes.size(), 1));
  if (replies.empty()) return;
  reading.whole_keys = queue.keys;
  const auto now = read_time(replies.front());
  require(!now || now->count() >= 0, "a time is after the epoch");
  const auto detail = read_detail(queue, reading, std::span(replies).subspan(1));
  require(!detail.added || detail.added->size() <= queue.keys.size(), "a count for each key");
  QueueRateWindow window;
  window.add(SteadyTime(), std::vector<std::int64_t>(queue.keys.size()), 0);
  if (detail.added) window.add(SteadyTime() + std::chrono::seconds{1}, *detail.added, 0);
  const auto rates = window.rates();
  require(!rates || rates->arrivals >= 0, "arrivals are not negative");
  if (!detail.oldest || !*detail.oldest || !now) return;
  const auto age = job_age(**detail.oldest, *now);
  require(!age || *age >= 0, "an age is not negative");
}

void check_queue(const RedisQueue& queue, std::string_view bytes) {
  check_detail(queue, {}, bytes);
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
                               QueueKind::kCelery, QueueKind::kSidekiq, QueueKind::kAsynq}) {
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
