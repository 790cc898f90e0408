// The configuration's `redis`: servers, and the queues in them, as a person wrote them. Pure.
//
// redis:
//   servers: [{name: main, address: "redis.jobs:6379", username: leadline, password_file: /p,
//              tls: {ca_file: /ca.crt, cert_file: /tls.crt, key_file: /tls.key},
//              namespaces: [shop]},      # whose triggers may say `server: main`; ["*"]: all
//             {name: safe, sentinel: {master: mymaster, addresses: ["sentinel.jobs:26379"],
//                                     username: leadline, password_file: /p}},
//             {name: wide, cluster: true, addresses: ["redis-0.jobs:6379", "redis-1.jobs:6379"]}]
//   queues: [{name: emails, namespace: shop, server: main, kind: list, keys: [emails]},
//            {name: clips, namespace: shop, server: main, preset: celery, keys: [clips],
//             workload: llm, workload_kind: StatefulSet}]   # whose pods work on its jobs
//   allowed_addresses: ["redis.shop:6379"]

#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "adapter/document_reader.h"
#include "adapter/redis/connection.h"
#include "adapter/redis/queue.h"

namespace leadline {

struct RedisConfig {
  std::vector<RedisServer> servers;
  std::vector<RedisQueue> queues;               // each on one of `servers`
  std::vector<RedisAddress> allowed_addresses;  // that triggers may name, with a login of their own
};

// Notes every error in `reader`; what it returns is of use where there was none. null is empty.
[[nodiscard]] RedisConfig redis_config_from(DocumentReader& reader, const nlohmann::json& value);

}  // namespace leadline
