#include "adapter/redis/queue.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/ranges.h>

#include "adapter/redis/queue_detail.h"
#include "adapter/redis/reply.h"
#include "base/ascii_case.h"
#include "daemon/log.h"

namespace leadline {
namespace {

enum class Part {
  kWaiting,
  kInFlight,
  kStreamLength,
  kStreamGroups,
  kCounter,
  kCounterExists,
  kEither,  // one of the commands of which only the key's own type answers
};

// One command, and what its reply counts.
struct Count {
  Part part;
  RedisCommand command;
};

struct NamedKind {
  std::string_view name;
  QueueKind kind;
};

constexpr std::array<NamedKind, 6> kKinds = {{{"list", QueueKind::kList},
                                              {"stream", QueueKind::kStream},
                                              {"sorted_set", QueueKind::kSortedSet},
                                              {"set", QueueKind::kSet},
                                              {"hash", QueueKind::kHash},
                                              {"counter", QueueKind::kCounter}}};
constexpr std::array<NamedKind, 5> kPresets = {{{"celery", QueueKind::kCelery},
                                                {"bullmq", QueueKind::kBullmq},
                                                {"sidekiq", QueueKind::kSidekiq},
                                                {"rq", QueueKind::kRq},
                                                {"asynq", QueueKind::kAsynq}}};

template <std::size_t kSize>
std::optional<QueueKind> kind_in(const std::array<NamedKind, kSize>& kinds, std::string_view name) {
  for (const NamedKind& known : kinds) {
    if (known.name == name) return known.kind;
  }
  return std::nullopt;
}

// kombu's PRIORITY_STEPS 0, 3, 6, 9 and its separator.
void add_celery(std::vector<Count>& counts, const std::string& queue) {
  for (const char* priority : {"",
                               "\x06\x16"
                               "3",
                               "\x06\x16"
                               "6",
                               "\x06\x16"
                               "9"}) {
    counts.push_back({Part::kWaiting, {"LLEN", queue + priority}});
  }
}

void add_stream(std::vector<Count>& counts, const std::string& key, bool has_group) {
  counts.push_back({Part::kStreamLength, {"XLEN", key}});
  if (has_group) counts.push_back({Part::kStreamGroups, {"XINFO", "GROUPS", key}});
}

// Longer than any count, and no more than that of whatever else lies there.
void add_counter(std::vector<Count>& counts, const std::string& key) {
  counts.push_back({Part::kCounter, {"GETRANGE", key, "0", "31"}});
  counts.push_back({Part::kCounterExists, {"EXISTS", key}});
}

constexpr std::array<const char*, 4> kLengths = {"LLEN", "ZCARD", "SCARD", "HLEN"};

void add_any_of(std::vector<Count>& counts, const std::string& key) {
  for (const char* length : kLengths) counts.push_back({Part::kEither, {length, key}});
}

// A job's score is its time in milliseconds times 4096, plus what tells it from others.
void add_bullmq(std::vector<Count>& counts, const std::string& queue, WallTime now) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::string key = "bull:" + queue;
  const std::string later = "(" + std::to_string((ms + 1) * 4096);
  counts.push_back({Part::kWaiting, {"LLEN", key + ":wait"}});
  counts.push_back({Part::kWaiting, {"ZCARD", key + ":prioritized"}});
  counts.push_back({Part::kWaiting, {"ZCOUNT", key + ":delayed", "-inf", later}});
  counts.push_back({Part::kInFlight, {"LLEN", key + ":active"}});
}

void add_asynq(std::vector<Count>& counts, const std::string& queue, WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string key = "asynq:{" + queue + "}";
  const std::string last = std::to_string(second);
  counts.push_back({Part::kWaiting, {"LLEN", key + ":pending"}});
  counts.push_back({Part::kWaiting, {"ZCOUNT", key + ":scheduled", "-inf", last}});
  counts.push_back({Part::kWaiting, {"ZCOUNT", key + ":retry", "-inf", last}});
  counts.push_back({Part::kInFlight, {"LLEN", key + ":active"}});
}

void add_key(std::vector<Count>& counts, const RedisQueue& queue, const std::string& key,
             WallTime now) {
  switch (queue.kind) {
    case QueueKind::kList:
      return counts.push_back({Part::kWaiting, {"LLEN", key}});
    case QueueKind::kStream:
      return add_stream(counts, key, !queue.group.empty());
    case QueueKind::kSortedSet:
      return counts.push_back({Part::kWaiting, {"ZCARD", key}});
    case QueueKind::kSet:
      return counts.push_back({Part::kWaiting, {"SCARD", key}});
    case QueueKind::kHash:
      return counts.push_back({Part::kWaiting, {"HLEN", key}});
    case QueueKind::kCounter:
      return add_counter(counts, key);
    case QueueKind::kAnyOf:
      return add_any_of(counts, key);
    case QueueKind::kCelery:
      return add_celery(counts, key);
    case QueueKind::kBullmq:
      return add_bullmq(counts, key, now);
    case QueueKind::kSidekiq:
      return counts.push_back({Part::kWaiting, {"LLEN", "queue:" + key}});
    case QueueKind::kRq:
      counts.push_back({Part::kWaiting, {"LLEN", "rq:queue:" + key}});
      return counts.push_back({Part::kInFlight, {"ZCARD", "rq:wip:" + key}});
    case QueueKind::kAsynq:
      return add_asynq(counts, key, now);
  }
}

std::vector<Count> counts_of(const RedisQueue& queue, WallTime now) {
  std::vector<Count> counts;
  for (const std::string& key : queue.keys) add_key(counts, queue, key, now);
  if (queue.kind == QueueKind::kCelery) counts.push_back({Part::kInFlight, {"HLEN", "unacked"}});
  return counts;
}

// A number of jobs. Where a counter's key does not exist its text is empty.
Result<std::int64_t> number_of(const Count& count, const RedisReply& reply) {
  const RedisCommand& command = count.command;
  std::optional<std::int64_t> number;
  if (reply.type == RedisReply::Type::kError) return refused(command, reply.text);
  if (count.part != Part::kCounter) {
    if (reply.type == RedisReply::Type::kInteger) number = reply.integer;
  } else if (reply.type == RedisReply::Type::kText) {
    number = reply.text.empty() ? 0 : whole_number_in(reply.text);
  }
  if (!number || *number < 0 || *number > kMostJobs)
    return refused(command, "the reply is no count");
  return *number;
}

const RedisReply* find_group(const RedisReply& groups, const std::string& name) {
  for (const RedisReply& group : groups.items) {
    const RedisReply* its_name = field(group, "name");
    if (its_name != nullptr && its_name->text == name) return &group;
  }
  return nullptr;
}

// `lag` may be nil or missing. Where it is larger than the stream, it counts what XTRIM took.
void note_tail(QueueReading& reading, const std::string& key, const std::string& last_delivered,
               const RedisReply* lag, std::int64_t length) {
  if (length == 0) return;
  if (!is_count(lag)) {
    reading.tails.push_back({key, last_delivered, kTailLimit, std::min(kTailLimit, length)});
  } else if (lag->integer > 0) {
    reading.tails.push_back({key, last_delivered, 1, std::min(lag->integer, length)});
  }
}

// Pending and lag stand in one reply, so that no entry is counted twice or missed in between.
Result<void> add_group(QueueReading& reading, const Count& count, const RedisReply& reply,
                       const std::string& group_name, std::int64_t length) {
  if (no_such_key(reply)) return {};
  if (reply.type == RedisReply::Type::kError) return refused(count.command, reply.text);
  if (reply.type != RedisReply::Type::kArray) {
    return refused(count.command, "the reply is no list of groups");
  }
  const RedisReply* group = find_group(reply, group_name);
  if (group == nullptr) {  // its consumers, scaled to zero, will make it
    reading.depth += length;
    reading.whole_keys.push_back(count.command.back());
    return {};
  }
  const RedisReply* pending = field(*group, "pending");
  const RedisReply* last = field(*group, "last-delivered-id");
  if (!is_count(pending) || last == nullptr || last->type != RedisReply::Type::kText) {
    return refused(count.command, "the reply lacks pending or last-delivered-id");
  }
  reading.in_flight = reading.in_flight.value_or(0) + pending->integer;
  note_tail(reading, count.command.back(), last->text, field(*group, "lag"), length);
  return {};
}

// `before`: the reply to the command in front, of the same key where there are two.
Result<void> add_reply(QueueReading& reading, const RedisQueue& queue, const Count& count,
                       const RedisReply& reply, const RedisReply& before) {
  if (count.part == Part::kStreamGroups) {
    return add_group(reading, count, reply, queue.group, before.integer);
  }
  const auto number = number_of(count, reply);
  if (!number) return fail(number.error());
  switch (count.part) {
    case Part::kInFlight:
      reading.in_flight = reading.in_flight.value_or(0) + *number;
      return {};
    case Part::kCounterExists:
      if (*number > 0 && before.text.empty()) return refused(count.command, "it is empty");
      return {};
    case Part::kStreamLength:
      if (!queue.group.empty()) return {};
      reading.whole_keys.push_back(count.command.back());
      break;
    default:
      break;
  }
  reading.depth += *number;
  return {};
}

bool is_other_type(const RedisReply& reply) {
  return reply.type == RedisReply::Type::kError && reply.text.starts_with("WRONGTYPE");
}

// The length that one of the commands found. Where a user may use some of them only, those are
// enough for its own type; and of a key made in between the greatest is the newest.
Result<std::int64_t> read_either(std::span<const Count> counts,
                                 std::span<const RedisReply> replies) {
  std::optional<std::int64_t> length;
  std::optional<Error> problem;
  for (std::size_t i = 0; i < kLengths.size(); ++i) {
    if (is_other_type(replies[i])) continue;
    const auto number = number_of(counts[i], replies[i]);
    if (number) {
      length = std::max(length.value_or(0), *number);
    } else if (!problem) {
      problem = number.error();
    }
  }
  if (length) return *length;
  if (problem) return fail(*problem);
  return refused(counts.front().command, "neither a list, a sorted set, a set nor a hash");
}

Result<QueueReading> read_any_of(std::span<const Count> counts,
                                 std::span<const RedisReply> replies) {
  QueueReading reading;
  for (; !counts.empty(); counts = counts.subspan(kLengths.size())) {
    const auto length = read_either(counts, replies);
    if (!length) return fail(length.error());
    reading.depth += *length;
    replies = replies.subspan(kLengths.size());
  }
  return reading;
}

// As a pattern of an ACL. What means more than itself there, and what a pasted line cannot hold, is
// any one byte.
std::string acl_pattern(const std::string& key) {
  std::string pattern = "~";
  for (const char c : key) {
    const bool plain =
        c > ' ' && c < 0x7f && std::string_view("*?[]\\\"'").find(c) == std::string_view::npos;
    pattern.push_back(plain ? c : '?');
  }
  return pattern;
}

}  // namespace

std::optional<QueueKind> queue_kind_from(std::string_view name) {
  return kind_in(kKinds, name);
}

std::optional<QueueKind> queue_preset_from(std::string_view name) {
  return kind_in(kPresets, name);
}

std::vector<RedisCommand> queue_commands(const RedisQueue& queue, WallTime now) {
  std::vector<RedisCommand> commands;
  for (Count& count : counts_of(queue, now)) commands.push_back(std::move(count.command));
  return commands;
}

Result<QueueReading> read_queue(const RedisQueue& queue, std::span<const RedisReply> replies) {
  const std::vector<Count> counts = counts_of(queue, {});
  assert(replies.size() == counts.size());
  if (queue.kind == QueueKind::kAnyOf) return read_any_of(counts, replies);
  QueueReading reading;
  if (!queue.group.empty()) reading.in_flight = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const RedisReply& before = replies[i == 0 ? 0 : i - 1];
    const auto added = add_reply(reading, queue, counts[i], replies[i], before);
    if (!added) return fail(added.error());
  }
  return reading;
}

RedisCommand tail_command(const StreamTail& tail) {
  return {"XRANGE", tail.key, "(" + tail.last_delivered, "+", "COUNT", std::to_string(tail.limit)};
}

Result<void> add_tail(QueueReading& reading, const StreamTail& tail, const RedisReply& reply) {
  const RedisCommand command = {"XRANGE", tail.key};
  if (reply.type == RedisReply::Type::kError) return refused(command, reply.text);
  if (reply.type != RedisReply::Type::kArray) return refused(command, "the reply is no list");
  const auto seen = static_cast<std::int64_t>(reply.items.size());
  const bool all_seen = seen < tail.limit;
  reading.depth += all_seen ? seen : tail.beyond;
  reading.is_exact = reading.is_exact && (all_seen || tail.limit == 1);
  if (seen == 0) return {};
  const auto& entry = reply.items.front().items;
  reading.undelivered.push_back(entry.empty() ? std::string() : entry.front().text);
  return {};
}

std::string acl_rules(std::span<const RedisQueue> queues, std::string_view server) {
  std::set<std::string> keys, commands;
  const auto add = [&](const RedisCommand& command) {
    commands.insert("+" + ascii_lower(command.front()) +
                    (command.front() == "XINFO" ? "|" + ascii_lower(command[1]) : ""));
    if (!key_of(command).empty()) keys.insert(acl_pattern(key_of(command)));
  };
  for (const RedisQueue& queue : queues) {
    if (queue.server != server) continue;
    for (const RedisCommand& command : queue_commands(queue, {})) add(command);
    if (!queue.group.empty()) add(tail_command({.key = queue.keys.front(), .last_delivered = {}}));
    const auto details = detail_commands(queue);
    for (const RedisCommand& command : details) add(command);
    if (!details.empty()) add(time_command());
  }
  return fmt::format("{} {}", fmt::join(keys, " "), fmt::join(commands, " "));
}

}  // namespace leadline
