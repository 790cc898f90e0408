#include "adapter/redis/queue_board.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "daemon/log.h"

namespace leadline {
namespace {

QueueList counted(std::vector<RedisQueue> queues) {
  QueueList list;
  for (RedisQueue& queue : queues) list.push_back(std::make_shared<CountedQueue>(std::move(queue)));
  return list;
}

bool is_same(const RedisQueue& a, const RedisQueue& b) {
  return std::tie(a.server, a.kind, a.keys, a.group) == std::tie(b.server, b.kind, b.keys, b.group);
}

std::shared_ptr<CountedQueue> find(const QueueList& list, const RedisQueue& queue) {
  const auto found = std::ranges::find_if(
      list, [&](const auto& counted) { return is_same(counted->queue(), queue); });
  return found == list.end() ? nullptr : *found;
}

}  // namespace

Result<void> check_servable(const QueueState& state, SteadyTime now,
                            std::chrono::milliseconds max_age) {
  if (!state.depth) return fail(Errc::kUnavailable, "{}", state.problem);
  if (now - state.sampled_at <= max_age) return {};
  return fail(Errc::kStale, "older than {} ms{}{}", max_age.count(),
              state.problem.empty() ? "" : ": ", state.problem);
}

// The flow of those that triggers ask for costs something only where a trigger is about it.
QueueBoard::QueueBoard(std::vector<RedisQueue> configured)
    : configured_(counted(std::move(configured))) {
  for (const auto& queue : configured_) queue->want_flow();
  group();
}

std::shared_ptr<CountedQueue> QueueBoard::configured(std::string_view namespace_name,
                                                     std::string_view name) const {
  for (const auto& counted : configured_) {
    const RedisQueue& queue = counted->queue();
    if (queue.namespace_name == namespace_name && queue.name == name) return counted;
  }
  return nullptr;
}

Result<std::shared_ptr<CountedQueue>> QueueBoard::asked(const RedisQueue& queue, SteadyTime now) {
  if (auto known = find(*of(queue.server), queue)) {
    known->ask(now);
    return known;
  }
  const std::lock_guard lock(mutex_);
  if (auto known = find(asked_, queue)) return known;  // another thread's, meanwhile
  if (const auto room = has_room(queue.namespace_name); !room) return fail(room.error());
  auto added = std::make_shared<CountedQueue>(queue);
  added->ask(now);
  asked_.push_back(added);
  group();
  log_info(
      fmt::format("counting a redis queue for a trigger namespace={} queue={} server={} "
                  "acl=\"{}\"",
                  queue.namespace_name, printable(queue.name), queue.server,
                  acl_rules({&queue, 1}, queue.server)));
  return added;
}

// A queue of several namespaces counts for the one that asked first.
Result<void> QueueBoard::has_room(const std::string& namespace_name) const {
  const auto siblings = static_cast<std::size_t>(std::ranges::count_if(
      asked_, [&](const auto& each) { return each->queue().namespace_name == namespace_name; }));
  if (siblings >= kMaxAskedOfNamespace) {
    return fail(Errc::kUnavailable, "triggers of this namespace ask for {} queues, the most",
                siblings);
  }
  if (asked_.size() < kMaxAsked) return {};
  return fail(Errc::kUnavailable, "triggers ask for {} queues, the most", asked_.size());
}

void QueueBoard::forget_unasked(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (now - looked_at_ < std::chrono::minutes{1}) return;
  looked_at_ = now;
  const auto forgotten = std::erase_if(
      asked_, [&](const auto& each) { return now - each->asked_at() > kForgetAfter; });
  if (forgotten > 0) group();
}

std::shared_ptr<const QueueList> QueueBoard::of(std::string_view server) const {
  static const auto kNone = std::make_shared<const QueueList>();
  const std::lock_guard lock(mutex_);
  const auto found = by_server_.find(server);
  return found == by_server_.end() ? kNone : found->second;
}

// REQUIRES: the lock, but in the constructor.
void QueueBoard::group() {
  std::map<std::string, QueueList, std::less<>> lists;
  for (const QueueList* list : {&configured_, static_cast<const QueueList*>(&asked_)}) {
    for (const auto& queue : *list) lists[queue->queue().server].push_back(queue);
  }
  by_server_.clear();
  for (auto& [server, list] : lists) {
    by_server_[server] = std::make_shared<const QueueList>(std::move(list));
  }
}

}  // namespace leadline
