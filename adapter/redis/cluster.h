// ClusterClient asks the nodes of a Redis Cluster: each command at the node that serves its key's
// slot, one pipeline per node, all at once. A node that is lost, or a redirect that leads nowhere,
// is an error reply to its own commands; only where no node answers at all does a pipeline fail.
// Which node serves what it learns from the configured addresses, anew after a redirect or a loss,
// and it dials nobody that those did not name. See RedisClient.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/redis/address.h"
#include "adapter/redis/client.h"
#include "adapter/redis/connection.h"
#include "adapter/redis/slots.h"
#include "base/clock.h"
#include "base/result.h"

namespace leadline {

class ClusterClient : public RedisClient {
 public:
  // REQUIRES: server.cluster is not empty.
  ClusterClient(EventLoop& loop, RedisServer server, Clock clock = system_now);

  void pipeline(const std::vector<RedisCommand>& commands, Done done) override;

 private:
  // A command on its way to a node.
  struct Errand {
    std::size_t place;  // in the pipeline
    RedisAddress to;
    bool asking;
  };
  using Errands = std::vector<Errand>;

  struct Node {
    std::unique_ptr<RedisConnection> connection;
    SteadyTime rests_until;  // after a loss: its timeouts would delay the others
    Error loss;
  };

  [[nodiscard]] SteadyTime now() const { return clock_().steady; }
  Node& node_at(const RedisAddress& address);
  void learn(std::function<void()> then);
  void ask_seed();
  void hear(const Result<Replies>& replies);
  [[nodiscard]] Result<void> take_slots(const Result<Replies>& replies);
  void route();
  void send();
  void deliver(const RedisAddress& address, Errands errands);
  void take(const RedisAddress& address, const Errands& errands, Result<Replies> replies);
  void take_one(const Errand& errand, RedisReply reply);
  void lose(const Errands& errands, const Error& error);
  void arrived();
  void follow();
  void finish();

  EventLoop& loop_;
  const RedisServer server_;
  const Clock clock_;
  std::map<RedisAddress, Node> nodes_;    // those in use
  std::size_t turn_ = 0;                  // the configured address that answered last
  std::unique_ptr<const SlotMap> slots_;  // nullptr: nobody told yet
  bool is_stale_ = false;                 // slots_: something spoke against it
  SteadyTime looked_at_;                  // when slots_ was last asked for

  // Of the pipeline in flight.
  std::vector<RedisCommand> commands_;
  Replies replies_;
  Done done_;
  std::function<void()> then_;  // when the slots are known
  std::size_t seeds_left_ = 0;
  Errands errands_;               // to be sent
  Errands redirected_;            // to be sent again, elsewhere
  std::size_t on_the_way_ = 0;    // nodes that were not heard yet
  bool is_moved_ = false;         // slots_ was wrong
  int rounds_ = 0;                // of redirects
  bool answered_ = false;         // some node did
  std::optional<Error> problem_;  // why another did not
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace leadline
