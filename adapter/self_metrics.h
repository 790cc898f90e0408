// SelfMetrics are the adapter's own Prometheus families, built once: what 9735 serves at /metrics.
// Thread-safe: collector and serving loops count on it directly.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "daemon/http_server.h"

namespace leadline {

// How many pods are in which state right now; the sum is the number of pods.
struct PodStateCounts {
  std::size_t fresh = 0;     // its newest sample may be served
  std::size_t stale = 0;     // answered once, too old now
  std::size_t silent = 0;    // has a sidecar that never answered
  std::size_t mismatch = 0;  // another pod's sidecar answers at its address
  std::size_t no_sidecar = 0;
};

// What /metrics tells of the moment it is asked, beside what was counted.
struct SelfState {
  PodStateCounts pods;
  std::vector<HttpServerReport> servers;
  std::optional<WallTime> certificate_expiry;  // of the one that the metrics API shows
};

class SelfMetrics {
 public:
  SelfMetrics();
  ~SelfMetrics();
  SelfMetrics(const SelfMetrics&) = delete;
  SelfMetrics& operator=(const SelfMetrics&) = delete;

  // One long poll that ended: with news, without, or badly (`reason` is one of a dozen words).
  void count_poll(std::string_view outcome);
  void count_poll_failure(std::string_view reason);

  void count_view();
  void count_pods_list(bool accepted);

  // An answer that was served, by the age of its oldest sample; and a value that could not be, by
  // why.
  void observe_sample_age(double seconds);
  void count_absent(std::string_view why);
  void count_partial_coverage();  // served, scaled up from the pods that answered

  void count_request(std::string_view api, int code);
  void count_clamped(std::uint64_t values);
  void count_label_collision();

  // What the adapter has of the Kubernetes API: whether it follows a resource now, what came of it
  // (`event`, `bookmark`, `listed`, `gone`, `failed`, …), and questions about callers (`token`,
  // `access`).
  void set_watch(const std::string& resource, bool following);
  void count_watch(const std::string& resource, std::string_view outcome);
  void count_review(std::string_view kind);
  void count_review_failure(std::string_view kind);
  void count_certificate_failure();

  // What KEDA asked and what it was told: calls by method and status, samples' ages in values,
  // streams that are open, and `true` said on them.
  void count_keda_call(std::string_view method, std::string_view code);
  void observe_keda_sample_age(double seconds);
  void set_keda_streams(std::size_t open);
  void count_keda_push();

  // One poll of a configured Redis server: `answered` or `failed`.
  void count_redis_poll(const std::string& server, std::string_view outcome);
  void set_redis_unknown(const std::string& server, std::ptrdiff_t queues);
  // It is polled no more: what was said of it goes.
  void forget_redis(const std::string& server);

  // The exposition.
  [[nodiscard]] std::string text(const SelfState& state);

 private:
  struct Counted;
  std::unique_ptr<Counted> counted_;
};

}  // namespace leadline
