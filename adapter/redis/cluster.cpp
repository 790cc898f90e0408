#include "adapter/redis/cluster.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "adapter/redis/reply.h"
#include "daemon/event_loop.h"

namespace leadline {
namespace {

constexpr int kMaxRedirects = 3;  // one node may know of a move before the others
constexpr std::chrono::seconds kRest{1};
constexpr std::chrono::seconds kLookAgain{1};

RedisReply error_reply(std::string text) {
  return {.type = RedisReply::Type::kError, .integer = 0, .text = std::move(text), .items = {}};
}

}  // namespace

ClusterClient::ClusterClient(EventLoop& loop, RedisServer server, Clock clock)
    : loop_(loop), server_(std::move(server)), clock_(std::move(clock)) {}

ClusterClient::Node& ClusterClient::node_at(const RedisAddress& address) {
  Node& node = nodes_[address];
  if (node.connection == nullptr) {
    node.connection = std::make_unique<RedisConnection>(loop_, server_.at(address));
  }
  return node;
}

void ClusterClient::pipeline(const std::vector<RedisCommand>& commands, Done done) {
  commands_ = commands;
  replies_.assign(commands.size(), {});
  done_ = std::move(done);
  rounds_ = 0;
  answered_ = false;
  problem_.reset();
  const bool knows = slots_ && (!is_stale_ || now() < looked_at_ + kLookAgain);
  if (knows) return route();
  learn([this] { route(); });
}

void ClusterClient::learn(std::function<void()> then) {
  then_ = std::move(then);
  seeds_left_ = server_.cluster.size();
  looked_at_ = now();
  ask_seed();
}

void ClusterClient::ask_seed() {
  node_at(server_.cluster[turn_])
      .connection->pipeline({{"CLUSTER", "SLOTS"}},
                            [this](const Result<Replies>& replies) { hear(replies); });
}

// Where nobody tells, what was known before is as good a guess as any: nodes know better.
void ClusterClient::hear(const Result<Replies>& replies) {
  const auto taken = take_slots(replies);
  if (!taken && --seeds_left_ > 0) {
    turn_ = (turn_ + 1) % server_.cluster.size();
    return ask_seed();
  }
  if (taken || slots_) return std::exchange(then_, nullptr)();
  const std::string problem = fmt::format("no address of the cluster told its slots: {}: {}",
                                          to_text(server_.cluster[turn_]), taken.error().message);
  std::exchange(done_, nullptr)(fail(Errc::kUnavailable, "{}", problem));
}

Result<void> ClusterClient::take_slots(const Result<Replies>& replies) {
  if (!replies) return fail(replies.error());
  auto slots = SlotMap::from(replies->front(), server_.cluster[turn_]);
  if (!slots) return fail(slots.error());
  slots_ = std::make_unique<const SlotMap>(std::move(*slots));
  is_stale_ = false;
  std::erase_if(nodes_, [&](const auto& node) {
    const bool is_seed = std::ranges::find(server_.cluster, node.first) != server_.cluster.end();
    return !is_seed && !slots_->names(node.first);
  });
  return {};
}

// A command without a key, TIME, goes where the empty key would: its answer is the cluster's, as
// far as the nodes' clocks agree.
void ClusterClient::route() {
  errands_.clear();
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    const std::uint16_t slot = slot_of(key_of(commands_[i]));
    if (const RedisAddress* master = slots_->master_of(slot)) {
      errands_.push_back({.place = i, .to = *master, .asking = false});
    } else {
      replies_[i] = error_reply(fmt::format("no node of the cluster serves its slot {}", slot));
      is_stale_ = true;
    }
  }
  send();
}

void ClusterClient::send() {
  std::map<RedisAddress, Errands> by_node;
  for (Errand& errand : errands_) by_node[errand.to].push_back(std::move(errand));
  on_the_way_ = by_node.size() + 1;
  redirected_.clear();
  is_moved_ = false;
  for (auto& [address, errands] : by_node) deliver(address, std::move(errands));
  // The last one: where all nodes rest the callback comes later all the same.
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) arrived();
  });
}

void ClusterClient::deliver(const RedisAddress& address, Errands errands) {
  Node& node = node_at(address);
  if (now() < node.rests_until) return lose(errands, node.loss);
  std::vector<RedisCommand> commands;
  for (const Errand& errand : errands) {
    if (errand.asking) commands.push_back({"ASKING"});
    commands.push_back(commands_[errand.place]);
  }
  node.connection->pipeline(commands,
                            [this, address, errands = std::move(errands)](Result<Replies> replies) {
                              take(address, errands, std::move(replies));
                            });
}

void ClusterClient::take(const RedisAddress& address, const Errands& errands,
                         Result<Replies> replies) {
  if (!replies) {
    const Error error = replies.error().with_context(to_text(address));
    Node& node = node_at(address);
    node.loss = error;
    if (error.code == Errc::kUnavailable) node.rests_until = now() + kRest;
    return lose(errands, error);
  }
  answered_ = true;
  auto reply = replies->begin();
  for (const Errand& errand : errands) {
    const bool refused = errand.asking && reply->type == RedisReply::Type::kError;
    if (errand.asking && !refused) ++reply;
    take_one(errand, std::move(*reply));
    reply += refused ? 2 : 1;
  }
  arrived();
}

// A redirect stays the reply of a command that cannot follow it.
void ClusterClient::take_one(const Errand& errand, RedisReply reply) {
  const bool is_error = reply.type == RedisReply::Type::kError;
  if (const auto redirect = is_error ? redirect_in(reply.text, errand.to) : std::nullopt) {
    is_moved_ = is_moved_ || !redirect->is_ask;
    redirected_.push_back({errand.place, redirect->address, redirect->is_ask});
  }
  replies_[errand.place] = std::move(reply);
}

void ClusterClient::lose(const Errands& errands, const Error& error) {
  is_stale_ = true;
  if (!problem_) problem_ = error;
  for (const Errand& errand : errands) {
    replies_[errand.place] = error_reply("no answer from its node " + error.message);
  }
  arrived();
}

void ClusterClient::arrived() {
  if (--on_the_way_ > 0) return;
  if (redirected_.empty() || rounds_ == kMaxRedirects) return finish();
  ++rounds_;
  if (is_moved_) return learn([this] { follow(); });
  follow();
}

void ClusterClient::follow() {
  errands_.clear();
  for (Errand& errand : redirected_) {
    if (slots_->names(errand.to)) {
      errands_.push_back(std::move(errand));
    } else {
      is_stale_ = true;
      replies_[errand.place] = error_reply(fmt::format(
          "it is at {}, which no configured address of the cluster names", to_text(errand.to)));
    }
  }
  send();
}

void ClusterClient::finish() {
  Result<Replies> result = std::move(replies_);
  if (!answered_ && problem_) result = fail(*problem_);
  std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace leadline
