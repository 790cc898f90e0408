// The closing summary of `--redis`, computed from the recording alone. Pure. Its lines, with times
// in seconds since the demo began:
//
//   {"kind":"push","t":5.0,"workers":0}           jobs begin to come in
//   {"kind":"pushed","t":5.1,"jobs":300}          and so many did
//   {"kind":"sync","t":5.2,"spec_replicas":0,"waiting":300,"in_flight":0,"desired":5,"reason":"…"}
//   {"kind":"workers","t":5.2,"wanted":5,"exists":5}    processes, those that are to go among them
//   {"kind":"done","t":5.5,"jobs":1}              by Redis' own count

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace leadline {

// From no workers to work done and back.
struct RedisRound {
  std::optional<double> to_worker_s;  // from the push to the first worker process
  std::optional<double> to_done_s;    // … to the first job done
  std::optional<double> to_zero_s;    // from the last job done to no worker process
};

struct RedisSummary {
  std::int64_t jobs_in = 0, jobs_done = 0;
  std::vector<RedisRound> rounds;  // of the pushes that found no worker
  int most_workers = 0;
  double worker_seconds = 0;
};

[[nodiscard]] RedisSummary summarise_redis(const std::vector<nlohmann::json>& recording);

// The block of text that ends the demo.
[[nodiscard]] std::string render(const RedisSummary& summary);

}  // namespace leadline
