// RedisConnection asks one Redis server: it logs in where it connects anew, sends commands as one
// pipeline and gives the replies in their order. One per server, shared by all its queues; one
// pipeline in flight at a time. Lives on one loop, whose thread alone uses it. Destroying it ends
// the connection; a pending callback is then never called.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/redis/address.h"
#include "adapter/redis/client.h"
#include "adapter/redis/codec.h"
#include "base/result.h"
#include "daemon/stream_connection.h"
#include "daemon/tls_cipher.h"

namespace leadline {

// The Sentinels that know where a master is.
struct RedisSentinels {
  std::string master;                   // the name they have for it
  std::vector<RedisAddress> addresses;  // not empty
  std::string username, password_file;  // theirs, as the server's are
};

// A server as configured: one that listens at host and port, the master that Sentinels name, or a
// Cluster.
struct RedisServer {
  std::string name;  // a label value
  std::string host;  // name or address, without the brackets of IPv6; empty: see below
  std::uint16_t port = 6379;
  std::string username;       // of an ACL user; empty: the default user
  std::string password_file;  // empty: none. Read at each connecting, since Secrets are rotated
  std::string password;       // from a trigger's metadata, in place of a file
  std::uint16_t database = 0;
  std::optional<TlsClientFiles> tls;         // nullopt: plain TCP
  std::chrono::milliseconds timeout{2'000};  // of a pipeline, connecting included
  std::vector<std::string> namespaces;       // whose triggers may name it; "*": those of all
  std::optional<AddressRule> rule;           // where the host is a name: what it may resolve to
  std::optional<RedisSentinels> sentinels;   // whom to ask where it is
  std::vector<RedisAddress> cluster;         // not empty: a Cluster, of which these are nodes

  // The same login and TLS at another address.
  [[nodiscard]] RedisServer at(const RedisAddress& address) const;
};

class RedisConnection : public RedisClient {
 public:
  RedisConnection(EventLoop& loop, RedisServer server);

  // `done` may destroy this.
  void pipeline(const std::vector<RedisCommand>& commands, Done done) override;

 private:
  [[nodiscard]] Result<std::string> password() const;
  [[nodiscard]] Result<std::vector<RedisCommand>> login() const;
  void connect_anew();
  void finish(const Done& done, const std::vector<RedisCommand>& logins,
              const Result<void>& result);

  EventLoop& loop_;
  RedisServer server_;
  std::unique_ptr<StreamConnection> stream_;
  std::shared_ptr<RedisReader> reader_;  // of the pipeline in flight
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace leadline
