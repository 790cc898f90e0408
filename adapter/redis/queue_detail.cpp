#include "adapter/redis/queue_detail.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "adapter/redis/queue_rates.h"
#include "adapter/redis/reply.h"

namespace leadline {
namespace {

constexpr std::size_t kLargestJob = 256UL * 1024;  // bytes of JSON; Sidekiq's are a few hundred

using std::chrono::milliseconds;
using Oldest = std::optional<milliseconds>;

std::vector<RedisCommand> commands_of(const RedisQueue& queue, const std::string& key) {
  if (queue.kind == QueueKind::kSidekiq) return {{"LINDEX", "queue:" + key, "-1"}};
  if (queue.kind != QueueKind::kStream) return {};
  std::vector<RedisCommand> commands = {{"XINFO", "STREAM", key}};
  if (!queue.group.empty()) commands.push_back({"XPENDING", key, queue.group, "-", "+", "1"});
  return commands;
}

// Reads one queue's replies and keeps the first error of each part.
class Reader {
 public:
  Reader(const RedisQueue& queue, const QueueReading& reading) : queue_(queue), reading_(reading) {
    for (const std::string& id : reading.undelivered) note_entry({"XRANGE"}, id);
  }

  void read(const RedisCommand& command, const RedisReply& reply) {
    if (command.front() == "LINDEX") {
      read_job(command, reply);
    } else if (command.front() == "XPENDING") {
      read_pending(command, reply);
    } else {
      read_stream(command, reply);
    }
  }

  [[nodiscard]] QueueDetail take() {
    if (!tells_added(queue_.kind)) {
      detail_.added = fail(Errc::kUnavailable, "a queue of this kind does not tell what was added");
    }
    return std::move(detail_);
  }

 private:
  void read_stream(const RedisCommand& command, const RedisReply& reply) {
    if (no_such_key(reply)) return add(0);
    const RedisReply* added = field(reply, "entries-added");
    if (reply.type == RedisReply::Type::kArray && added == nullptr) {
      fail_added(fail(Errc::kUnavailable, "Redis before 7 does not count what is added"));
    } else if (!is_count(added)) {
      fail_added(unreadable(command, reply));
    } else {
      add(added->integer);
    }
    const bool is_whole = std::ranges::count(reading_.whole_keys, command.back()) > 0;
    if (!is_whole) return;
    const RedisReply* first = field(reply, "first-entry");
    if (first == nullptr) return fail_oldest(unreadable(command, reply));
    if (first->type == RedisReply::Type::kNil) return;
    note_entry(command, first->items.empty() ? "" : first->items.front().text);
  }

  // [[ID, consumer, idle, deliveries]], or nothing. A group that is not there has nothing pending.
  void read_pending(const RedisCommand& command, const RedisReply& reply) {
    if (is_error(reply, "NOGROUP")) return;
    if (reply.type != RedisReply::Type::kArray) return fail_oldest(unreadable(command, reply));
    if (reply.items.empty()) return;
    const auto& entry = reply.items.front().items;
    note_entry(command, entry.empty() ? "" : entry.front().text);
  }

  // Sidekiq takes from the right. Its clock is that of whoever pushed the job: seconds with a
  // fraction, and from Sidekiq 8 on whole milliseconds.
  void read_job(const RedisCommand& command, const RedisReply& reply) {
    if (reply.type == RedisReply::Type::kNil) return;
    if (reply.type != RedisReply::Type::kText) return fail_oldest(unreadable(command, reply));
    // Read whole it takes up to seventy times its size: a hostile one's 16 MB would be a gigabyte.
    if (reply.text.size() > kLargestJob)
      return fail_oldest(refused(command, "its job is too large"));
    const auto job = nlohmann::json::parse(reply.text, nullptr, false);
    const auto pushed = job.is_object() ? job.find("enqueued_at") : job.end();
    if (pushed == job.end() || !pushed->is_number()) {
      return fail_oldest(refused(command, "the job has no enqueued_at"));
    }
    constexpr double kMostSeconds = 1e11, kMost = 1e15;
    const auto number = pushed->get<double>();
    const double time = number < kMostSeconds ? number * 1000 : number;
    note(milliseconds(static_cast<std::int64_t>(std::clamp(time, 0.0, kMost))));
  }

  static tl::unexpected<Error> unreadable(const RedisCommand& command, const RedisReply& reply) {
    return refused(command, is_error(reply) ? reply.text : "the reply is not what was asked for");
  }

  void add(std::int64_t count) {
    if (detail_.added) detail_.added->push_back(count);
  }
  void fail_added(tl::unexpected<Error> error) {
    if (detail_.added) detail_.added = std::move(error);
  }
  void fail_oldest(tl::unexpected<Error> error) {
    if (detail_.oldest) detail_.oldest = std::move(error);
  }
  void note_entry(const RedisCommand& command, const std::string& id) {
    const auto time = time_of_entry(id);
    if (!time) return fail_oldest(refused(command, "an entry has no ID"));
    note(*time);
  }
  void note(milliseconds time) {
    if (detail_.oldest) detail_.oldest = std::min(detail_.oldest->value_or(time), time);
  }

  const RedisQueue& queue_;
  const QueueReading& reading_;
  QueueDetail detail_;
};

std::optional<std::int64_t> number_in(const RedisReply& reply) {
  const auto number = whole_number_in(reply.text);
  return number && *number >= 0 && *number <= kMostJobs ? number : std::nullopt;
}

}  // namespace

std::vector<RedisCommand> detail_commands(const RedisQueue& queue) {
  std::vector<RedisCommand> commands;
  for (const std::string& key : queue.keys) {
    for (RedisCommand& command : commands_of(queue, key)) commands.push_back(std::move(command));
  }
  return commands;
}

QueueDetail read_detail(const RedisQueue& queue, const QueueReading& reading,
                        std::span<const RedisReply> replies) {
  const std::vector<RedisCommand> commands = detail_commands(queue);
  assert(replies.size() == commands.size());
  Reader reader(queue, reading);
  for (std::size_t i = 0; i < commands.size(); ++i) reader.read(commands[i], replies[i]);
  return reader.take();
}

RedisCommand time_command() {
  return {"TIME"};
}

// Seconds, and microseconds of that second.
Result<milliseconds> read_time(const RedisReply& reply) {
  const bool is_pair = reply.type == RedisReply::Type::kArray && reply.items.size() == 2;
  const auto seconds = is_pair ? number_in(reply.items[0]) : std::nullopt;
  const auto micros = is_pair ? number_in(reply.items[1]) : std::nullopt;
  constexpr std::int64_t kMost = 1'000'000'000'000;  // seconds
  if (!seconds || !micros || *seconds > kMost) {
    return refused(time_command(), is_error(reply) ? reply.text : "the reply is no time");
  }
  return milliseconds(*seconds * 1000 + *micros / 1000);
}

}  // namespace leadline
