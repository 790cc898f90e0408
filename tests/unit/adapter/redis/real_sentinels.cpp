#include "tests/unit/adapter/redis/real_sentinels.h"

#include <fstream>
#include <future>
#include <stdexcept>

#include <fmt/format.h>

#include "base/clock.h"

namespace leadline::test {
namespace {

constexpr int kSentinels = 3;

const std::vector<std::string> kPrompt = {"--repl-diskless-sync-delay", "0"};

std::string field(const RedisReply& pairs, const std::string& name) {
  for (std::size_t i = 0; i + 1 < pairs.items.size(); i += 2) {
    if (pairs.items[i].text == name) return pairs.items[i + 1].text;
  }
  return {};
}

}  // namespace

struct RealSentinels::Sentinel {
  Sentinel(std::filesystem::path where, std::uint16_t master_port)
      : folder(std::move(where)), port(free_port()) {
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "sentinel.conf") << fmt::format(
        "port {0}\nbind 127.0.0.1\ndir {1}\nsentinel monitor {2} 127.0.0.1 {3} 2\n"
        "sentinel down-after-milliseconds {2} 500\nsentinel failover-timeout {2} 2000\n",
        port, folder.string(), kMaster, master_port);
    auto started = ChildProcess::start({.program = "/usr/bin/redis-server",
                                        .arguments = {folder / "sentinel.conf", "--sentinel"},
                                        .environment = {},
                                        .log_file = folder / "log"});
    process = std::move(started.value());
    const auto ready =
        process.wait_for("+monitor", system_now, system_now().steady + std::chrono::seconds{20});
    if (!ready) throw std::runtime_error(ready.error().message);
    thread.call([&] {
      const RedisServer server = {.name = "sentinel", .host = "127.0.0.1", .port = port};
      connection = std::make_unique<RedisConnection>(thread.loop(), server);
    });
  }

  ~Sentinel() {
    thread.call([&] { connection.reset(); });
  }
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;

  RedisReply say(const RedisCommand& command) {
    std::promise<RedisReply> promise;
    auto future = promise.get_future();
    thread.call([&] {
      connection->pipeline(
          {command}, [&](const auto& replies) { promise.set_value(replies.value().front()); });
    });
    return await(future);
  }

  bool knows_all() {
    const RedisReply master = say({"SENTINEL", "MASTER", kMaster});
    return field(master, "num-slaves") == "1" && field(master, "num-other-sentinels") == "2";
  }

  std::filesystem::path folder;
  std::uint16_t port;
  ChildProcess process = ChildProcess::none();
  LoopThread thread;
  std::unique_ptr<RedisConnection> connection;
};

RealSentinels::RealSentinels() : first_(kPrompt) {
  const std::uint16_t port = first_.server().port;
  auto arguments = kPrompt;
  arguments.insert(arguments.end(), {"--replicaof", "127.0.0.1", std::to_string(port)});
  second_ = std::make_unique<RealRedis>(arguments);
  wait_until([&] { return is_replica_in_step(first_); }, "a replica in step");
  for (int i = 0; i < kSentinels; ++i) {
    const auto folder = first_.folder() / fmt::format("sentinel-{}", i);
    sentinels_.push_back(std::make_unique<Sentinel>(folder, port));
  }
  for (const auto& sentinel : sentinels_) {
    wait_until([&] { return sentinel->knows_all(); }, "Sentinels that know each other");
  }
}

RealSentinels::~RealSentinels() = default;

bool RealSentinels::is_replica_in_step(RealRedis& from) {
  const RedisReply role = from.say({"ROLE"});
  if (role.items.size() != 3 || role.items[2].items.size() != 1) return false;
  return role.items[2].items[0].items.at(2).text == std::to_string(role.items[1].integer);
}

std::string RealSentinels::role(RealRedis& redis) {
  return redis.say({"ROLE"}).items.at(0).text;
}

void RealSentinels::fail_over() {
  wait_until([&] { return sentinels_[0]->say({"SENTINEL", "FAILOVER", kMaster}).text == "OK"; },
             "a failover");
}

RedisServer RealSentinels::server() const {
  RedisServer server = {.name = "main", .timeout = std::chrono::milliseconds{500}};
  server.sentinels = RedisSentinels{.master = kMaster};
  for (const auto& sentinel : sentinels_) {
    server.sentinels->addresses.push_back({.host = "127.0.0.1", .port = sentinel->port});
  }
  return server;
}

}  // namespace leadline::test
