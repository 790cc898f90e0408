// KubeWatch keeps in step with one collection of the Kubernetes API: a paged list, then a watch
// from the list's version on, bookmarks included. A watch that ends goes on where it was; a version
// that the server has forgotten (410 Gone) means a new list; failures pause with jitter, 0.5 s to
// 30 s. Used by whoever mirrors objects (adapter/kube/pods.h).
//
// Lives on its client's thread: events come there. Destroyed after the client was stopped. Tells
// each change of state once in the log, and always in the self metrics. Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/ (v1.36), "Efficient detection of
// changes", "Watch bookmarks", "410 Gone responses".

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "adapter/kube/client.h"
#include "adapter/self_metrics.h"
#include "daemon/edge_log.h"

namespace leadline {

struct KubeCollection {
  std::string name;            // of the self metrics: `pods`
  std::string path;            // `/api/v1/pods`
  std::string field_selector;  // `metadata.name=x`; empty: all
};

// What a mirror has to do. A list replaces everything: between begin_list and end_list come all
// objects that exist; whatever did not come is gone.
struct KubeEvents {
  std::function<void()> begin_list;
  std::function<void(const nlohmann::json&)> upsert;
  std::function<void(const nlohmann::json&)> remove;
  std::function<void()> end_list;
};

class KubeWatch {
 public:
  // `client` and `metrics` outlive it.
  KubeWatch(KubeClient& client, KubeCollection collection, KubeEvents events, SelfMetrics& metrics,
            Clock clock = system_now);
  KubeWatch(const KubeWatch&) = delete;
  KubeWatch& operator=(const KubeWatch&) = delete;

  // Lists, then watches, for ever.
  void start();

 private:
  static constexpr std::size_t kPage = 200;

  void list(const std::string& continue_token);
  void listed(const Result<KubeAnswer>& answer);
  void watch();
  void opened();
  void worked();
  void take_line(std::string_view line);
  void ended(const Result<KubeAnswer>& answer);
  void failed(const std::string& reason, std::chrono::milliseconds least_pause);
  void begin(std::function<void()> next);
  [[nodiscard]] std::string url(const std::string& query) const;
  [[nodiscard]] std::chrono::milliseconds next_pause();

  KubeClient& client_;
  KubeCollection collection_;
  KubeEvents events_;
  SelfMetrics& metrics_;
  Clock clock_;
  EdgeLog edges_;
  std::mt19937 random_{std::random_device{}()};
  std::string version_;  // empty: a list is needed
  bool listing_ = false;
  int failures_ = 0;                     // since a watch worked
  int gone_in_a_row_ = 0;                // likewise
  std::optional<SteadyTime> opened_at_;  // of this watch
};

}  // namespace leadline
