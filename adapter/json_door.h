// JsonDoor answers whoever cannot speak gRPC to us, in the JSON that KEDA's metrics-api scaler
// reads:
//
//   GET /keda/v1/{namespace}/{workload}/{metric}     query: kind, window, selector
//   {"value":12.5,"ageMs":120,"pods":8,"podsFresh":8,"coverage":1.0}
//
// A metric of the catalogue is the workload's, by the words of KedaTrigger and KedaAnswers; one of
// the redis_queue_* is the queue's that the path names, and has no pods. An answer is never a
// guess: what is not known is an error with its reason.
//
// Used by the API server, which asks first who calls and whether they may. Thread-safe.
// Source: contracts/keda.md §2.1 (KEDA v2.21.0 pkg/scalers/metrics_api_scaler.go).

#pragma once

#include <string>

#include "adapter/caller.h"
#include "adapter/catalogue.h"
#include "adapter/json_text.h"
#include "adapter/keda_answers.h"
#include "adapter/redis/queue_service.h"
#include "adapter/request_target.h"
#include "adapter/self_metrics.h"
#include "adapter/view.h"
#include "base/clock.h"

namespace leadline {

// What it answers from; all outlive it.
struct JsonDoorParts {
  const ViewCell& views;
  const Catalogue& catalogue;
  KedaAnswers& answers;
  const QueueService& queues;
  SelfMetrics& metrics;
};

class JsonDoor {
 public:
  explicit JsonDoor(JsonDoorParts parts) : parts_(parts) {}

  // Whether the path has this door's shape; its names may still be nobody's.
  [[nodiscard]] static bool is_at(const RequestTarget& target);

  // What a caller needs: to list that external metric in that namespace. REQUIRES: is_at(target).
  [[nodiscard]] static AccessRequest access_to(const RequestTarget& target);

  // The body of a 200; 400 for names and queries that cannot be, 404 for what is unknown, stale or
  // below its coverage, 500 while not all pods were heard yet. REQUIRES: is_at(target).
  [[nodiscard]] ApiResult<std::string> answer(const RequestTarget& target, Instant now,
                                              JsonStyle style) const;

 private:
  struct Asked;
  [[nodiscard]] ApiResult<nlohmann::ordered_json> of_workload(const Asked& asked,
                                                              Instant now) const;
  [[nodiscard]] ApiResult<nlohmann::ordered_json> of_queue(const Asked& asked, Instant now) const;

  JsonDoorParts parts_;
};

}  // namespace leadline
