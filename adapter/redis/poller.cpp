#include "adapter/redis/poller.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{5'000};

}  // namespace

RedisPoller::RedisPoller(EventLoop& loop, const RedisServer& server, QueueBoard& board,
                         SelfMetrics& metrics, RedisPollerOptions options)
    : loop_(loop),
      server_(server.name),
      board_(board),
      metrics_(metrics),
      options_(std::move(options)),
      connection_(loop, server) {
  for (std::size_t place = 0; place < board.queues().size(); ++place) {
    if (board.queues()[place].server == server_) places_.push_back(place);
  }
}

RedisPoller::~RedisPoller() {
  loop_.cancel(timer_);
}

void RedisPoller::poll() {
  if (places_.empty()) return;
  asked_at_ = options_.clock();
  std::vector<RedisCommand> commands;
  for (const std::size_t place : places_) {
    for (auto& command : queue_commands(board_.queues()[place], asked_at_.wall)) {
      commands.push_back(std::move(command));
    }
  }
  connection_.pipeline(commands, [this](const auto& replies) { take(replies); });
}

void RedisPoller::take(const Result<RedisConnection::Replies>& replies) {
  if (!replies) return failed(replies.error());
  QueueBoard::States states = *board_.states();
  std::span<const RedisReply> rest = *replies;
  unfinished_.clear();
  for (const std::size_t place : places_) {
    const std::size_t count = queue_commands(board_.queues()[place], asked_at_.wall).size();
    auto reading = read_queue(board_.queues()[place], rest.first(count));
    rest = rest.subspan(count);
    if (reading && !reading->tails.empty()) {
      unfinished_.push_back({place, std::move(*reading)});
    } else {
      write(place, reading, states);
    }
  }
  board_.publish(std::move(states));
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
  const Unfinished queue = std::move(unfinished_.back());
  unfinished_.pop_back();
  Result<QueueReading> reading = queue.reading;
  if (!replies) reading = fail(replies.error().with_context("entries not delivered yet"));
  for (std::size_t i = 0; reading && i < queue.reading.tails.size(); ++i) {
    const auto count = read_tail(queue.reading.tails[i], (*replies)[i]);
    if (count) {
      reading->depth += *count;
    } else {
      reading = fail(count.error());
    }
  }
  QueueBoard::States states = *board_.states();
  write(queue.place, reading, states);
  board_.publish(std::move(states));
  count_tails();
}

void RedisPoller::write(std::size_t place, const Result<QueueReading>& reading,
                        QueueBoard::States& states) {
  const RedisQueue& queue = board_.queues()[place];
  const std::string key = queue.namespace_name + "/" + queue.name;
  QueueState& state = states[place];
  if (reading) {
    state = {.depth = reading->depth,
             .in_flight = reading->in_flight,
             .sampled_at = asked_at_.steady,
             .problem = {}};
    edges_.recovered(key, "redis queue is known again", "queue=" + key, asked_at_);
  } else {
    state = {.depth = {}, .in_flight = {}, .sampled_at = {}, .problem = reading.error().message};
    edges_.failed(key, "redis queue unknown",
                  fmt::format("queue={} server={} err=\"{}\"", key, server_, state.problem),
                  asked_at_);
  }
}

void RedisPoller::answered() {
  failures_ = 0;
  metrics_.count_redis_poll(server_, "answered");
  edges_.recovered("", "redis answers again", "server=" + server_, options_.clock());
  poll_later();
}

void RedisPoller::failed(const Error& error) {
  ++failures_;
  metrics_.count_redis_poll(server_, "failed");
  const std::string problem = printable(error.message);
  edges_.failed("", "redis poll failed", fmt::format("server={} err=\"{}\"", server_, problem),
                asked_at_);
  QueueBoard::States states = *board_.states();
  for (const std::size_t place : places_) states[place].problem = problem;
  board_.publish(std::move(states));
  poll_later();
}

void RedisPoller::poll_later() {
  const auto states = board_.states();
  metrics_.set_redis_unknown(server_, std::ranges::count_if(places_, [&](std::size_t place) {
                               return !(*states)[place].problem.empty();
                             }));
  milliseconds wait = options_.interval;
  for (int i = 0; i < failures_ && wait < kLongestWait; ++i)
    wait = std::min(wait * 2, kLongestWait);
  if (failures_ > 0) {
    std::uniform_int_distribution<std::int64_t> jitter(wait.count() / 2, wait.count());
    wait = milliseconds(jitter(random_));
  }
  timer_ = loop_.call_after(wait, [this] { poll(); });
}

}  // namespace leadline
