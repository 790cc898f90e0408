// RedisConnection asks one Redis server: it logs in where it connects anew, sends commands as one
// pipeline and gives the replies in their order. One per server, shared by all its queues; one
// pipeline in flight at a time. Lives on one loop, whose thread alone uses it. Destroying it ends
// the connection; a pending callback is then never called.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/redis/address.h"
#include "adapter/redis/codec.h"
#include "base/result.h"
#include "daemon/stream_connection.h"
#include "daemon/tls_cipher.h"

namespace leadline {

// A server as configured.
struct RedisServer {
  std::string name;  // a label value
  std::string host;  // name or address, without the brackets of IPv6
  std::uint16_t port = 6379;
  std::string username;       // of an ACL user; empty: the default user
  std::string password_file;  // empty: none. Read at each connecting, since Secrets are rotated
  std::string password;       // from a trigger's metadata, in place of a file
  std::uint16_t database = 0;
  std::optional<TlsClientFiles> tls;         // nullopt: plain TCP
  std::chrono::milliseconds timeout{2'000};  // of a pipeline, connecting included
  std::vector<std::string> namespaces;       // whose triggers may name it; "*": those of all
  std::optional<AddressRule> rule;           // where the host is a name: what it may resolve to
};

class RedisConnection {
 public:
  using Replies = std::vector<RedisReply>;

  RedisConnection(EventLoop& loop, RedisServer server);

  // Calls `done` later, exactly once, with one reply per command; an error among them is a reply.
  // kUnavailable: no connection or no answer in time; kBadInput: the login was refused, or what
  // came is no Redis or too much of it; kBadConfig: a file cannot be read.
  // REQUIRES: no pipeline in flight, `commands` not empty; `done` may start the next.
  void pipeline(const std::vector<RedisCommand>& commands,
                std::function<void(Result<Replies>)> done);

 private:
  [[nodiscard]] Result<std::string> password() const;
  [[nodiscard]] Result<std::vector<RedisCommand>> login() const;
  void connect_anew();
  void finish(const std::function<void(Result<Replies>)>& done,
              const std::vector<RedisCommand>& logins, const Result<void>& result);

  EventLoop& loop_;
  RedisServer server_;
  std::unique_ptr<StreamConnection> stream_;
  std::shared_ptr<RedisReader> reader_;  // of the pipeline in flight
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace leadline
