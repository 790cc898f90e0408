#include "tests/unit/adapter/redis/real_cluster.h"

#include <algorithm>

#include <fmt/format.h>

#include "adapter/redis/slots.h"

namespace leadline::test {
namespace {

constexpr std::size_t kShare = kRedisSlots / RealCluster::kNodes + 1;  // slots of each node

std::vector<std::string> arguments(std::uint16_t bus_port) {
  return {"--cluster-enabled",
          "yes",
          "--cluster-port",
          std::to_string(bus_port),
          "--cluster-node-timeout",
          "1000",
          "--cluster-require-full-coverage",
          "no",
          "--appendonly",
          "yes",
          "--appendfsync",
          "always"};
}

}  // namespace

RealCluster::RealCluster() {
  std::vector<std::string> buses;
  for (std::size_t i = 0; i < kNodes; ++i) {
    const std::uint16_t bus = free_port();
    buses.push_back(std::to_string(bus));
    nodes_.push_back(std::make_unique<RealRedis>(arguments(bus)));
    const std::size_t last = std::min<std::size_t>((i + 1) * kShare, kRedisSlots) - 1;
    node(i).say({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    node(i).say({"CLUSTER", "ADDSLOTSRANGE", std::to_string(i * kShare), std::to_string(last)});
  }
  for (std::size_t i = 1; i < kNodes; ++i) {
    const std::string port = std::to_string(node(i).server().port);
    node(0).say({"CLUSTER", "MEET", "127.0.0.1", port, buses[i]});
  }
  wait_until([this] { return is_up(); }, "a cluster that is up");
}

bool RealCluster::is_up() {
  return std::ranges::all_of(nodes_, [](const auto& node) {
    const std::string info = node->say({"CLUSTER", "INFO"}).text;
    return info.find("cluster_state:ok") != std::string::npos &&
           info.find("cluster_slots_ok:16384") != std::string::npos;
  });
}

std::string RealCluster::key_on(std::size_t place, const std::string& name) {
  for (int i = 0;; ++i) {
    std::string key = fmt::format("{}:{{{}}}", name, i);
    if (slot_of(key) / kShare == place) return key;
  }
}

void RealCluster::say_to_all(const RedisCommand& command) {
  for (const auto& node : nodes_) node->say(command);
}

std::unique_ptr<RealRedis> RealCluster::replica_of(std::size_t place) {
  const std::uint16_t bus = free_port();
  auto replica = std::make_unique<RealRedis>(arguments(bus));
  node(0).say({"CLUSTER", "MEET", "127.0.0.1", std::to_string(replica->server().port),
               std::to_string(bus)});
  const RedisCommand replicate = {"CLUSTER", "REPLICATE", id(place)};
  wait_until([&] { return replica->say(replicate).text == "OK"; }, "a node that is known");
  const auto is_in_step = [&] {
    const RedisReply role = replica->say({"ROLE"});
    return role.items.size() == 5 && role.items[3].text == "connected";
  };
  wait_until(is_in_step, "a replica in step");
  const auto all_know = [&] {
    return std::ranges::all_of(nodes_, [&](const auto& node) {
      const std::string known = node->say({"CLUSTER", "NODES"}).text;
      return known.find("slave " + replicate.back()) != std::string::npos;
    });
  };
  wait_until(all_know, "a replica that all know");
  return replica;
}

RedisServer RealCluster::server() const {
  RedisServer server = {.name = "main", .timeout = std::chrono::milliseconds{500}};
  server.cluster = {{.host = "127.0.0.1", .port = nodes_[0]->server().port}};
  return server;
}

RedisServer RealCluster::server_with_all() const {
  RedisServer server = this->server();
  server.cluster.clear();
  for (const auto& node : nodes_) {
    server.cluster.push_back({.host = "127.0.0.1", .port = node->server().port});
  }
  return server;
}

}  // namespace leadline::test
