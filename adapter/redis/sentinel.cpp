#include "adapter/redis/sentinel.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "adapter/redis/reply.h"
#include "daemon/log.h"

namespace leadline {
namespace {

using Type = RedisReply::Type;

constexpr std::chrono::milliseconds kSentinelTimeout{1'000};
constexpr std::chrono::seconds kConfirmAfter{1};

}  // namespace

Result<RedisAddress> master_in(const RedisReply& reply) {
  if (reply.type == Type::kError) {
    return fail(Errc::kUnavailable, "answered {}", shown_words(reply.text));
  }
  if (reply.type == Type::kNil) return fail(Errc::kUnavailable, "knows no master of this name");
  const bool is_pair = reply.items.size() == 2 && reply.items[0].type == Type::kText &&
                       reply.items[1].type == Type::kText;
  if (!is_pair) return fail(Errc::kUnavailable, "names no address");
  const auto address =
      told_redis_address(reply.items[0].text, whole_number_in(reply.items[1].text).value_or(0));
  if (!address) {
    return fail(Errc::kUnavailable, "names {}:{}, which is no address",
                shown_words(reply.items[0].text), shown_words(reply.items[1].text));
  }
  return *address;
}

Result<void> check_is_master(const RedisReply& role) {
  if (role.type == Type::kError) {
    return fail(Errc::kUnavailable, "ROLE was answered {}", shown_words(role.text));
  }
  if (role.items.empty() || role.items[0].type != Type::kText) {
    return fail(Errc::kUnavailable, "ROLE was answered with no role");
  }
  if (role.items[0].text == "master") return {};
  return fail(Errc::kUnavailable, "is no master but {}", shown_words(role.items[0].text));
}

SentinelClient::SentinelClient(EventLoop& loop, RedisServer server, RedisSentinels sentinels,
                               Clock clock)
    : loop_(loop),
      server_(std::move(server)),
      configured_(std::move(sentinels)),
      clock_(std::move(clock)) {
  for (const RedisAddress& address : configured_.addresses) {
    RedisServer sentinel = server_.at(address);
    sentinel.username = configured_.username;
    sentinel.password_file = configured_.password_file;
    sentinel.database = 0;
    sentinel.timeout = std::min(server_.timeout, kSentinelTimeout);
    sentinels_.push_back(std::make_unique<RedisConnection>(loop, std::move(sentinel)));
  }
}

void SentinelClient::pipeline(const std::vector<RedisCommand>& commands, Done done) {
  commands_ = commands;
  commands_.push_back({"ROLE"});
  done_ = std::move(done);
  searched_ = false;
  if (!is_master_) return search();
  if (clock_().steady >= confirmed_at_ + kConfirmAfter) return confirm();
  ask_master();
}

void SentinelClient::confirm() {
  confirmed_at_ = clock_().steady;
  ask_sentinel(&SentinelClient::take_confirmation);
}

// A Sentinel that cannot tell costs nothing while the master answers.
void SentinelClient::take_confirmation(const Result<Replies>& replies) {
  const auto address = replies ? master_in(replies->front()) : fail(replies.error());
  if (!address) pass_turn();
  if (address && *address != address_) return search();
  ask_master();
}

void SentinelClient::ask_master() {
  master_->pipeline(commands_, [this](Result<Replies> replies) { take(std::move(replies)); });
}

// Redis serves one command at a time: who is a master behind the commands was one before them.
void SentinelClient::take(Result<Replies> replies) {
  if (replies) {
    if (const auto role = check_is_master(replies->back()); !role) {
      replies = fail(role.error().with_context(to_text(address_)));
    } else {
      replies->pop_back();
    }
  }
  is_master_ = replies.has_value();
  const bool lost = !replies && replies.error().code == Errc::kUnavailable;
  if (lost && !searched_) return search();
  finish(std::move(replies));
}

void SentinelClient::search() {
  searched_ = true;
  is_master_ = false;
  sentinels_left_ = sentinels_.size();
  refused_.clear();
  ask_sentinel(&SentinelClient::hear);
}

void SentinelClient::ask_sentinel(void (SentinelClient::*then)(const Result<Replies>&)) {
  sentinels_[turn_]->pipeline({{"SENTINEL", "get-master-addr-by-name", configured_.master}},
                              [this, then](const auto& replies) { (this->*then)(replies); });
}

void SentinelClient::hear(const Result<Replies>& replies) {
  Result<RedisAddress> address = replies ? master_in(replies->front()) : fail(replies.error());
  if (!address) {
    const std::string sentinel = to_text(configured_.addresses[turn_]);
    problem_ = fmt::format("sentinel {}: {}", sentinel, address.error().message);
    return next_sentinel();
  }
  if (std::ranges::find(refused_, *address) != refused_.end()) return next_sentinel();
  check(*address);
}

// Alone in its pipeline: this may be anybody.
void SentinelClient::check(const RedisAddress& address) {
  if (master_ == nullptr || address != address_) {
    address_ = address;
    master_ = std::make_unique<RedisConnection>(loop_, server_.at(address));
  }
  master_->pipeline({{"ROLE"}}, [this](const Result<Replies>& replies) { take_role(replies); });
}

void SentinelClient::take_role(const Result<Replies>& replies) {
  const Result<void> role = replies ? check_is_master(replies->front()) : fail(replies.error());
  if (!role) {
    refused_.push_back(address_);
    problem_ = fmt::format("{}: {}", to_text(address_), role.error().message);
    return next_sentinel();
  }
  is_master_ = true;
  confirmed_at_ = clock_().steady;
  if (std::exchange(announced_, address_) != address_) {
    log_info(fmt::format("redis master server={} address={}", server_.name, to_text(address_)));
  }
  ask_master();
}

void SentinelClient::next_sentinel() {
  if (--sentinels_left_ == 0) {
    return finish(fail(Errc::kUnavailable, "no master found: {}", problem_));
  }
  pass_turn();
  ask_sentinel(&SentinelClient::hear);
}

void SentinelClient::finish(Result<Replies> result) {
  std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace leadline
