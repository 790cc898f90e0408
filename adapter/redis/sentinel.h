// SentinelClient asks the master that Sentinels name. It believes nobody's word but the server's:
// ROLE stands behind the commands of each pipeline, since a master that was replaced comes back as
// a replica and empties itself before it copies the new one. Once a second a Sentinel is asked too:
// one that was replaced while it was well does not know that for ten seconds. Where the master is
// lost it is looked for at once, within the same pipeline. Each wait has a deadline, and a search
// asks each Sentinel once.
// See RedisClient. Source: redis.io "Guidelines for Redis clients with support for Redis Sentinel".

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "adapter/redis/address.h"
#include "adapter/redis/client.h"
#include "adapter/redis/connection.h"
#include "base/clock.h"
#include "base/result.h"

namespace leadline {

// Where SENTINEL GET-MASTER-ADDR-BY-NAME says that the master is. kUnavailable: it does not know.
[[nodiscard]] Result<RedisAddress> master_in(const RedisReply& reply);

// kUnavailable where ROLE's reply is not a master's.
[[nodiscard]] Result<void> check_is_master(const RedisReply& role);

class SentinelClient : public RedisClient {
 public:
  // `server`: the master's login, wherever it is. REQUIRES: sentinels.addresses is not empty.
  SentinelClient(EventLoop& loop, RedisServer server, RedisSentinels sentinels,
                 Clock clock = system_now);

  void pipeline(const std::vector<RedisCommand>& commands, Done done) override;

 private:
  void confirm();
  void take_confirmation(const Result<Replies>& replies);
  void ask_master();
  void take(Result<Replies> replies);
  void search();
  void ask_sentinel(void (SentinelClient::*then)(const Result<Replies>&));
  void hear(const Result<Replies>& replies);
  void check(const RedisAddress& address);
  void take_role(const Result<Replies>& replies);
  void next_sentinel();
  void pass_turn() { turn_ = (turn_ + 1) % sentinels_.size(); }
  void finish(Result<Replies> result);

  EventLoop& loop_;
  const RedisServer server_;
  const RedisSentinels configured_;
  const Clock clock_;
  std::vector<std::unique_ptr<RedisConnection>> sentinels_;  // in the order of their addresses
  std::size_t turn_ = 0;                                     // the one that answered last
  std::unique_ptr<RedisConnection> master_;                  // nullptr: none was named yet
  RedisAddress address_;                                     // the master's
  RedisAddress announced_;                                   // in the log
  bool is_master_ = false;                                   // by its own word, and not lost since
  SteadyTime confirmed_at_;                                  // when a Sentinel was asked for it

  // Of the pipeline in flight.
  std::vector<RedisCommand> commands_;  // ROLE behind them
  Done done_;
  bool searched_ = false;
  std::size_t sentinels_left_ = 0;
  std::vector<RedisAddress> refused_;  // named, and no master
  std::string problem_;                // of the last one that was asked or tried
};

}  // namespace leadline
