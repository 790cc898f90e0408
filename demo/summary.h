// The closing summary, computed from the recording alone. Pure.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace leadline {

struct Summary {
  std::optional<double>
      burst_to_decision_s;                  // from the burst to the first sync that asked for more
  std::optional<double> burst_to_ready_s;   // … to the first moment with more replicas Ready
  std::optional<double> back_to_minimum_s;  // from the lull to minReplicas asked for again
  double replica_seconds = 0;               // over the replicas that exist, Ready or starting
  int most_replicas = 0;
  int decisions = 0;  // syncs that changed the replica count
  std::int64_t requests = 0, finished = 0, refused = 0;
  std::optional<double> slo_percent;  // share of requests whose TTFT was within the bound
};

[[nodiscard]] Summary summarise(const std::vector<nlohmann::json>& recording);

// The block of text that ends the demo.
[[nodiscard]] std::string render(const Summary& summary, double slo_ttft_seconds);

}  // namespace leadline
