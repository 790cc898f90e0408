// RealRedis is a redis-server of Debian's, started for one test on a free port of loopback; it ends
// with the test. say() asks it through a connection of its own and waits for the answer. Used by
// the Redis tests. Not thread-safe.

#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapter/redis/connection.h"
#include "demo/child_process.h"
#include "tests/unit/daemon/loop_thread.h"

namespace leadline::test {

// One that was free a moment ago; redis-server cannot take "any".
[[nodiscard]] std::uint16_t free_port();

// Waits as a loop waits.
void rest(LoopThread& thread, std::chrono::milliseconds time);

// Tries until it holds, for 20 s at most. Throws where it does not.
void wait_until(const std::function<bool()>& holds, const std::string& what);

class RealRedis {
 public:
  // `more`: further arguments of redis-server. Throws where it does not start within 20 s.
  explicit RealRedis(std::vector<std::string> more = {});
  ~RealRedis();
  RealRedis(const RealRedis&) = delete;
  RealRedis& operator=(const RealRedis&) = delete;

  // The server's reply; throws where there is none.
  RedisReply say(const RedisCommand& command);

  void kill();   // at once, with all that it holds
  void start();  // again, on the same port, empty
  void pause() const;
  void resume() const;

  [[nodiscard]] RedisServer server() const;
  // As server(), over TLS: whoever connects must show a certificate. The server's is for
  // `localhost`.
  [[nodiscard]] RedisServer tls_server() const;
  // A folder that ends with the test.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::vector<std::string> more_;
  std::uint16_t port_, tls_port_;
  std::filesystem::path folder_;
  ChildProcess process_ = ChildProcess::none();
  LoopThread thread_;
  std::unique_ptr<RedisConnection> connection_;
};

}  // namespace leadline::test
