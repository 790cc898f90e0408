// Recording is everything the demo saw and did, one JSON object a line, so that its summary can be
// computed again by somebody else: every answer of the adapter's API, every sync with what it
// decided on, the replicas and the load. Written as it happens. Times are seconds since the load
// began, on lines before `start` since the warm-up began. What the HPA controller decided in the
// warm-up comes after `start`, with a negative time.
//
//   {"kind":"start","min_replicas":1,"max_replicas":8,"burst_s":40,"lull_s":95,…}
//   {"kind":"answer","t":1.02,"path":"/apis/…","status":200,"body":"{…}"}
//   {"kind":"sync","t":5.0,"spec_replicas":1,"status_replicas":1,"pods":[{"name":…,"phase":…,
//    "ready":true,"deleting":false}],"answers":[{"status":200,"body":"{…}"}],
//    "desired":3,"reason":"…"}
//    (with --cluster only where the count changed, as seen in the Deployment, with the reason of
//    the HPA controller's event, and without status_replicas, pods and answers)
//   {"kind":"line","t":5.1,"text":"llm  Deployment/llm  …"}   of `kubectl get hpa -w`, --cluster
//   {"kind":"replicas","t":5.0,"wanted":3,"exists":3,"ready":1}
//   {"kind":"load","t":5.0,"sent":31,"finished":12,"refused":0}
//   {"kind":"load_end","summary":{…}}   what the load generator counted, sim/load_stats.h
//
// With --redis it has other lines: demo/redis_summary.h.

#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace leadline {

class Recording {
 public:
  // Keeps every line in memory, and also in `file` where one is named.
  [[nodiscard]] static Result<Recording> open(const std::string& file);

  void add(nlohmann::json line);

  [[nodiscard]] const std::vector<nlohmann::json>& lines() const { return lines_; }

 private:
  std::vector<nlohmann::json> lines_;
  std::ofstream file_;
};

}  // namespace leadline
