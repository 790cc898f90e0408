#include "adapter/redis/poller.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{5'000};
constexpr std::size_t kFlowBatch = 32;  // queues, of which each may tell two jobs whole

// What is known of a queue after a reading that follows `before`.
QueueState state_after(const QueueState& before, const QueueReading& reading, SteadyTime now) {
  QueueState state{.depth = reading.depth,
                   .in_flight = reading.in_flight,
                   .sampled_at = now,
                   .problem = {},
                   .taken_at = before.taken_at,
                   .flow = before.flow};
  const bool fewer = before.depth && reading.depth < *before.depth;
  if (fewer || reading.in_flight.value_or(0) > 0) state.taken_at = now;
  return state;
}

// In seconds. What could not be told is unknown for an empty queue too: else it would be known only
// while there is nothing to do.
Result<double> oldest_age(const QueueReading& reading, const QueueDetail& detail,
                          const Result<milliseconds>& server_time) {
  if (!detail.oldest) return fail(detail.oldest.error());
  if (!server_time) return fail(server_time.error());
  if (reading.depth + reading.in_flight.value_or(0) == 0) return 0;
  if (*detail.oldest) return job_age(**detail.oldest, *server_time);
  return fail(Errc::kUnavailable, "its jobs changed while they were looked at");
}

// Where a group was made or removed, other entries are jobs than before: none of them was done.
Result<QueueRates> rates_after(CountedQueue::FlowMemory& memory, const QueueReading& reading,
                               const QueueDetail& detail, SteadyTime now) {
  if (!detail.added) return fail(detail.added.error());
  if (memory.whole_keys != reading.whole_keys) memory.window = {};
  memory.whole_keys = reading.whole_keys;
  const std::int64_t jobs = reading.depth + reading.in_flight.value_or(0);
  memory.window.add(now, *detail.added, reading.is_exact ? std::optional(jobs) : std::nullopt);
  return memory.window.rates();
}

}  // namespace

RedisPoller::RedisPoller(EventLoop& loop, const RedisServer& server, QueueBoard& board,
                         SelfMetrics& metrics, RedisPollerOptions options)
    : loop_(loop),
      server_(server.name),
      board_(board),
      metrics_(metrics),
      options_(std::move(options)),
      client_(make_redis_client(loop, server)) {}

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
  client_->pipeline(commands, [this](const auto& replies) { take(replies); });
}

void RedisPoller::take(const Result<RedisClient::Replies>& replies) {
  if (!replies) return failed(replies.error());
  std::span<const RedisReply> rest = *replies;
  unfinished_.clear();
  flows_.clear();
  flow_batch_ = kFlowBatch;
  for (const auto& queue : asked_) {
    const std::size_t count = queue_commands(queue->queue(), asked_at_.wall).size();
    auto reading = read_queue(queue->queue(), rest.first(count));
    rest = rest.subspan(count);
    if (reading && !reading->tails.empty()) {
      unfinished_.push_back({queue, std::move(*reading)});
    } else {
      write(queue, reading);
    }
  }
  count_tails();
}

// One queue at a time: where its entries are larger than allowed, the others are known all the
// same.
void RedisPoller::count_tails() {
  if (unfinished_.empty()) return told_counts();
  std::vector<RedisCommand> commands;
  for (const auto& tail : unfinished_.back().reading.tails) commands.push_back(tail_command(tail));
  client_->pipeline(commands, [this](const auto& replies) { take_tails(replies); });
}

void RedisPoller::take_tails(const Result<RedisClient::Replies>& replies) {
  if (!replies && replies.error().code != Errc::kBadInput) return failed(replies.error());
  const Unfinished unfinished = std::move(unfinished_.back());
  unfinished_.pop_back();
  Result<QueueReading> reading = unfinished.reading;
  if (!replies) reading = fail(replies.error().with_context("entries not delivered yet"));
  for (std::size_t i = 0; reading && i < unfinished.reading.tails.size(); ++i) {
    const auto added = add_tail(*reading, unfinished.reading.tails[i], (*replies)[i]);
    if (!added) reading = fail(added.error());
  }
  write(unfinished.queue, reading);
  count_tails();
}

void RedisPoller::write(const std::shared_ptr<CountedQueue>& queue,
                        const Result<QueueReading>& reading) {
  const std::string key = queue->queue().namespace_name + "/" + printable(queue->queue().name);
  if (!reading) {
    const std::string& problem = reading.error().message;
    queue->publish({.problem = problem});
    return edges_.failed(key, "redis queue unknown",
                         fmt::format("queue={} server={} err=\"{}\"", key, server_, problem),
                         asked_at_);
  }
  const auto before = queue->state();
  QueueState state = state_after(*before, *reading, asked_at_.steady);
  first_job_ = first_job_ || (state.jobs() > 0 && before->jobs() == 0);
  queue->publish(std::move(state));
  edges_.recovered(key, "redis queue is known again", "queue=" + key, asked_at_);
  const bool flows = queue->wants_flow() && tells_oldest(queue->queue().kind);
  if (flows && asked_at_.steady >= queue->flow_memory().next_at) {
    flows_.push_back({queue, *reading});
  }
}

void RedisPoller::told_counts() {
  if (first_job_) board_.tell_first_job();
  ask_flows();
}

void RedisPoller::ask_flows() {
  if (flows_.empty()) return answered();
  flows_asked_ = std::min(flow_batch_, flows_.size());
  flows_asked_at_ = options_.clock().steady;
  std::vector<RedisCommand> commands = {time_command()};
  for (const auto& [queue, reading] : std::span(flows_).last(flows_asked_)) {
    for (auto& command : detail_commands(queue->queue())) commands.push_back(std::move(command));
  }
  client_->pipeline(commands, [this](const auto& replies) { take_flows(replies); });
}

// Where the jobs of several queues are too large, each is asked alone, and the one that is to blame
// not again for a while.
void RedisPoller::take_flows(const Result<RedisClient::Replies>& replies) {
  if (!replies && replies.error().code != Errc::kBadInput) return failed(replies.error());
  if (!replies && flows_asked_ > 1) {
    flow_batch_ = 1;
    return ask_flows();
  }
  const auto asked = std::span(flows_).last(flows_asked_);
  if (!replies) {
    pause_flow(*asked.front().queue, replies.error().with_context("its jobs"));
  } else {
    const auto server_time = read_time(replies->front());
    auto rest = std::span(*replies).subspan(1);
    for (const Unfinished& each : asked) {
      const std::size_t count = detail_commands(each.queue->queue()).size();
      write_flow(each, read_detail(each.queue->queue(), each.reading, rest.first(count)),
                 server_time);
      rest = rest.subspan(count);
    }
  }
  flows_.resize(flows_.size() - flows_asked_);
  ask_flows();
}

void RedisPoller::write_flow(const Unfinished& unfinished, const QueueDetail& detail,
                             const Result<milliseconds>& server_time) {
  CountedQueue& queue = *unfinished.queue;
  CountedQueue::FlowMemory& memory = queue.flow_memory();
  memory.next_at = asked_at_.steady + options_.interval;
  QueueState state = *queue.state();
  state.flow = {.oldest_age = oldest_age(unfinished.reading, detail, server_time),
                .rates = rates_after(memory, unfinished.reading, detail, flows_asked_at_),
                .sampled_at = flows_asked_at_};
  queue.publish(std::move(state));
}

// Its reason stays to be told meanwhile.
void RedisPoller::pause_flow(CountedQueue& queue, const Error& error) {
  queue.flow_memory().next_at = asked_at_.steady + options_.huge_pause;
  QueueState state = *queue.state();
  state.flow = {.oldest_age = fail(error), .rates = fail(error), .sampled_at = flows_asked_at_};
  queue.publish(std::move(state));
}

void RedisPoller::answered() {
  failures_ = 0;
  metrics_.count_redis_poll(server_, "answered");
  edges_.recovered("", "redis answers again", "server=" + server_, options_.clock());
  report();
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
