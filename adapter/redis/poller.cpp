#include "adapter/redis/poller.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{5'000};
constexpr std::size_t kTailBatch = 500;
constexpr std::int64_t kFewEntries = 32, kFewestEntries = 2;  // where more are too large
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

// Names it in the EdgeLog: others may have its namespace and name, as a list and a stream have.
std::string edge_of(const CountedQueue& queue) {
  return fmt::format("{}", fmt::ptr(&queue));
}

void fit(std::vector<StreamTail>& tails, std::int64_t limit) {
  for (StreamTail& tail : tails) {
    if (tail.limit <= limit) continue;
    tail.limit = limit;
    tail.beyond = std::min(tail.beyond, limit);
  }
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
  metrics_.forget_redis(server_);
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
    start_round(all);
    return *all;
  }
  QueueList pressing;
  std::ranges::copy_if(*all, std::back_inserter(pressing), [&](const auto& queue) {
    return queue->is_watched(now) || queue->is_new();
  });
  return pressing;
}

// What nobody asks for any more fails no more.
void RedisPoller::start_round(const std::shared_ptr<const QueueList>& all) {
  if (round_ == all) return;
  for (const auto& queue : round_ ? *round_ : QueueList()) {
    if (std::ranges::find(*all, queue) == all->end()) edges_.forget(edge_of(*queue));
  }
  round_ = all;
  report();
}

void RedisPoller::poll(QueueList queues) {
  asked_ = std::move(queues);
  asked_at_ = options_.clock();
  first_job_ = false;
  commands_.clear();
  std::vector<RedisCommand> commands;
  for (const auto& queue : asked_) {
    auto its = queue_commands(queue->queue(), asked_at_.wall);
    commands_.push_back(its.size());
    std::ranges::move(its, std::back_inserter(commands));
  }
  client_->pipeline(commands, [this](const auto& replies) { take(replies); });
}

void RedisPoller::take(const Result<RedisClient::Replies>& replies) {
  if (!replies) return failed(replies.error());
  std::span<const RedisReply> rest = *replies;
  unfinished_.clear();
  flows_.clear();
  flow_batch_ = kFlowBatch;
  tail_batch_ = kTailBatch;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const auto& queue = asked_[i];
    auto reading = read_queue(queue->queue(), rest.first(commands_[i]));
    rest = rest.subspan(commands_[i]);
    if (reading && !reading->tails.empty()) {
      fit(reading->tails, queue->flow_memory().tail_limit);
      unfinished_.push_back({queue, std::move(*reading)});
    } else {
      queue->flow_memory().tail_limit = kTailLimit;
      write(queue, reading);
    }
  }
  count_tails();
}

void RedisPoller::count_tails() {
  if (unfinished_.empty()) return told_counts();
  tails_asked_ = tails_at_once();
  std::vector<RedisCommand> commands;
  for (const auto& [queue, reading] : std::span(unfinished_).last(tails_asked_)) {
    for (const auto& tail : reading.tails) commands.push_back(tail_command(tail));
  }
  client_->pipeline(commands, [this](const auto& replies) { take_tails(replies); });
}

// As many queues as look at no more entries together than one may alone.
std::size_t RedisPoller::tails_at_once() const {
  std::int64_t entries = 0;
  std::size_t count = 0;
  while (count < std::min(unfinished_.size(), tail_batch_)) {
    for (const auto& tail : unfinished_[unfinished_.size() - 1 - count].reading.tails) {
      entries += tail.limit;
    }
    if (count > 0 && entries > kTailLimit) break;
    ++count;
  }
  return count;
}

// Where the entries of several queues are too large, each is asked alone, and the one that is to
// blame for fewer of them: what they are is known, and that there are more.
void RedisPoller::take_tails(const Result<RedisClient::Replies>& replies) {
  if (!replies && replies.error().code != Errc::kBadInput) return failed(replies.error());
  if (!replies && tails_asked_ > 1) {
    tail_batch_ = 1;
    return count_tails();
  }
  if (!replies && look_at_fewer(unfinished_.back())) return count_tails();
  const auto asked = std::span(unfinished_).last(tails_asked_);
  if (!replies) {
    write(asked.front().queue, fail(replies.error().with_context("entries not delivered yet")));
  } else {
    std::span<const RedisReply> rest = *replies;
    for (const Unfinished& each : asked) {
      write_tails(each, rest.first(each.reading.tails.size()));
      rest = rest.subspan(each.reading.tails.size());
    }
  }
  unfinished_.resize(unfinished_.size() - tails_asked_);
  count_tails();
}

bool RedisPoller::look_at_fewer(Unfinished& unfinished) {
  std::int64_t& limit = unfinished.queue->flow_memory().tail_limit;
  if (limit <= kFewestEntries) return false;
  limit = limit > kFewEntries ? kFewEntries : kFewestEntries;
  fit(unfinished.reading.tails, limit);
  return true;
}

void RedisPoller::write_tails(const Unfinished& unfinished, std::span<const RedisReply> replies) {
  Result<QueueReading> reading = unfinished.reading;
  for (std::size_t i = 0; reading && i < replies.size(); ++i) {
    const auto added = add_tail(*reading, unfinished.reading.tails[i], replies[i]);
    if (!added) reading = fail(added.error());
  }
  write(unfinished.queue, reading);
}

void RedisPoller::write(const std::shared_ptr<CountedQueue>& queue,
                        const Result<QueueReading>& reading) {
  const std::string name = queue->queue().namespace_name + "/" + printable(queue->queue().name);
  if (!reading) {
    const std::string& problem = reading.error().message;
    queue->publish({.problem = problem});
    return edges_.failed(edge_of(*queue), "redis queue unknown",
                         fmt::format("queue={} server={} err=\"{}\"", name, server_, problem),
                         asked_at_);
  }
  const auto before = queue->state();
  QueueState state = state_after(*before, *reading, asked_at_.steady);
  first_job_ = first_job_ || (state.jobs() > 0 && before->jobs() == 0);
  queue->publish(std::move(state));
  edges_.recovered(edge_of(*queue), "redis queue is known again", "queue=" + name, asked_at_);
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
  if (!replies && replies.error().code != Errc::kBadInput) return lose_flows(replies.error());
  if (!replies && flows_asked_ > 1) {
    flow_batch_ = 1;
    return ask_flows();
  }
  const auto asked = std::span(flows_).last(flows_asked_);
  if (!replies) {
    pause_flow(*asked.front().queue, replies.error().with_context("its jobs"), options_.huge_pause);
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
void RedisPoller::pause_flow(CountedQueue& queue, const Error& error, milliseconds pause) {
  queue.flow_memory().next_at = asked_at_.steady + pause;
  QueueState state = *queue.state();
  state.flow = {.oldest_age = fail(error), .rates = fail(error), .sampled_at = flows_asked_at_};
  queue.publish(std::move(state));
}

// The counts of this poll were told: they are not lost with it.
void RedisPoller::lose_flows(const Error& error) {
  for (const Unfinished& each : flows_) pause_flow(*each.queue, error, options_.interval);
  flows_.clear();
  answered();
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
