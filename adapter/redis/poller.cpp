#include "adapter/redis/poller.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{5'000};

// What is known of a queue after a reading that follows `before`.
QueueState state_after(const QueueState& before, const QueueReading& reading, SteadyTime now) {
  QueueState state{.depth = reading.depth,
                   .in_flight = reading.in_flight,
                   .sampled_at = now,
                   .problem = {},
                   .taken_at = before.taken_at};
  const bool fewer = before.depth && reading.depth < *before.depth;
  if (fewer || reading.in_flight.value_or(0) > 0) state.taken_at = now;
  return state;
}

}  // namespace

RedisPoller::RedisPoller(EventLoop& loop, const RedisServer& server, QueueBoard& board,
                         SelfMetrics& metrics, RedisPollerOptions options)
    : loop_(loop),
      server_(server.name),
      board_(board),
      metrics_(metrics),
      options_(std::move(options)),
      connection_(loop, server) {}

RedisPoller::~RedisPoller() {
  loop_.cancel(timer_);
}

void RedisPoller::tick() {
  QueueList queues = due(options_.clock().steady);
  if (queues.empty()) return tick_after(std::min(options_.watched_interval, options_.interval));
  poll(std::move(queues));
}

void RedisPoller::tick_after(milliseconds wait) {
  timer_ = loop_.call_after(wait, [this] { tick(); });
}

// All of them once an interval; in between those that cannot wait.
QueueList RedisPoller::due(SteadyTime now) {
  const auto all = board_.of(server_);
  if (now >= next_round_) {
    next_round_ = now + options_.interval;
    return *all;
  }
  QueueList pressing;
  std::ranges::copy_if(*all, std::back_inserter(pressing), [&](const auto& queue) {
    return queue->is_watched(now) || queue->is_new();
  });
  return pressing;
}

void RedisPoller::poll(QueueList queues) {
  asked_ = std::move(queues);
  asked_at_ = options_.clock();
  first_job_ = false;
  std::vector<RedisCommand> commands;
  for (const auto& queue : asked_) {
    for (auto& command : queue_commands(queue->queue(), asked_at_.wall)) {
      commands.push_back(std::move(command));
    }
  }
  connection_.pipeline(commands, [this](const auto& replies) { take(replies); });
}

void RedisPoller::take(const Result<RedisConnection::Replies>& replies) {
  if (!replies) return failed(replies.error());
  std::span<const RedisReply> rest = *replies;
  unfinished_.clear();
  for (const auto& queue : asked_) {
    const std::size_t count = queue_commands(queue->queue(), asked_at_.wall).size();
    auto reading = read_queue(queue->queue(), rest.first(count));
    rest = rest.subspan(count);
    if (reading && !reading->tails.empty()) {
      unfinished_.push_back({queue, std::move(*reading)});
    } else {
      write(*queue, reading);
    }
  }
  count_tails();
}

// One queue at a time: where its entries are larger than allowed, the others are known all the
// same.
void RedisPoller::count_tails() {
  if (unfinished_.empty()) return answered();
  std::vector<RedisCommand> commands;
  for (const auto& tail : unfinished_.back().reading.tails) commands.push_back(tail_command(tail));
  connection_.pipeline(commands, [this](const auto& replies) { take_tails(replies); });
}

void RedisPoller::take_tails(const Result<RedisConnection::Replies>& replies) {
  if (!replies && replies.error().code != Errc::kBadInput) return failed(replies.error());
  const Unfinished unfinished = std::move(unfinished_.back());
  unfinished_.pop_back();
  Result<QueueReading> reading = unfinished.reading;
  if (!replies) reading = fail(replies.error().with_context("entries not delivered yet"));
  for (std::size_t i = 0; reading && i < unfinished.reading.tails.size(); ++i) {
    const auto count = read_tail(unfinished.reading.tails[i], (*replies)[i]);
    if (count) {
      reading->depth += *count;
    } else {
      reading = fail(count.error());
    }
  }
  write(*unfinished.queue, reading);
  count_tails();
}

void RedisPoller::write(CountedQueue& queue, const Result<QueueReading>& reading) {
  const std::string key = queue.queue().namespace_name + "/" + printable(queue.queue().name);
  if (!reading) {
    const std::string& problem = reading.error().message;
    queue.publish({.problem = problem});
    return edges_.failed(key, "redis queue unknown",
                         fmt::format("queue={} server={} err=\"{}\"", key, server_, problem),
                         asked_at_);
  }
  const auto before = queue.state();
  QueueState state = state_after(*before, *reading, asked_at_.steady);
  first_job_ = first_job_ || (state.jobs() > 0 && before->jobs() == 0);
  queue.publish(std::move(state));
  edges_.recovered(key, "redis queue is known again", "queue=" + key, asked_at_);
}

void RedisPoller::answered() {
  failures_ = 0;
  metrics_.count_redis_poll(server_, "answered");
  edges_.recovered("", "redis answers again", "server=" + server_, options_.clock());
  report();
  if (first_job_) board_.tell_first_job();
  tick_after(std::min(options_.watched_interval, options_.interval));
}

void RedisPoller::failed(const Error& error) {
  ++failures_;
  metrics_.count_redis_poll(server_, "failed");
  const std::string problem = printable(error.message);
  edges_.failed("", "redis poll failed", fmt::format("server={} err=\"{}\"", server_, problem),
                asked_at_);
  for (const auto& queue : *board_.of(server_)) {
    QueueState state = *queue->state();
    state.problem = problem;
    queue->publish(std::move(state));
  }
  report();
  const milliseconds wait = back_off();
  next_round_ = SteadyTime();
  tick_after(wait);
}

void RedisPoller::report() {
  metrics_.set_redis_unknown(server_,
                             std::ranges::count_if(*board_.of(server_), [](const auto& queue) {
                               return !queue->state()->problem.empty();
                             }));
}

milliseconds RedisPoller::back_off() {
  milliseconds wait = options_.interval;
  for (int i = 0; i < failures_ && wait < kLongestWait; ++i)
    wait = std::min(wait * 2, kLongestWait);
  std::uniform_int_distribution<std::int64_t> jitter(wait.count() / 2, wait.count());
  return milliseconds(jitter(random_));
}

}  // namespace leadline
