// MetricService answers a parsed query from the newest view: it finds the metric in the catalogue
// and the pods in the view, aggregates, and says why where there is no value. Used by the API
// server; knows neither HTTP nor JSON. Thread-safe.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/catalogue.h"
#include "adapter/metric_query.h"
#include "adapter/metric_response.h"
#include "adapter/pod_selection.h"
#include "adapter/self_metrics.h"
#include "adapter/view.h"

namespace leadline {

class MetricService {
 public:
  // All references outlive it.
  MetricService(const ViewCell& views, const Catalogue& catalogue, AggregateOptions options,
                SelfMetrics& metrics);

  // 500 while the view is incomplete.
  // One object: exactly one item, or 404 with the reason. All objects: those that have a value.
  [[nodiscard]] ApiResult<CustomList> custom(const MetricQuery& query, Instant now) const;

  // Likewise. One item over all pods that the selector matches; none where it matches none; 404
  // with the reason where it matches some and there is no value: the HPA sums items, so never two.
  [[nodiscard]] ApiResult<std::vector<ExternalItem>> external(const MetricQuery& query,
                                                              Instant now) const;

 private:
  struct Asked;  // one request: its query, metric, selection, view and time

  using Value = std::shared_ptr<const WorkloadValue>;
  [[nodiscard]] ApiResult<CustomItem> one_object(const Asked& asked) const;
  [[nodiscard]] std::vector<CustomItem> all_objects(const Asked& asked) const;
  [[nodiscard]] std::vector<CustomItem> all_pods(const Asked& asked) const;
  [[nodiscard]] Value value_of(const Asked& asked, const ObjectPods& object) const;
  [[nodiscard]] Value value_over(const Asked& asked, const std::string& key,
                                 const std::vector<PodNumber>& pods) const;
  [[nodiscard]] WorkloadValue compute(const Asked& asked, const std::vector<PodNumber>& pods) const;
  [[nodiscard]] WorkloadValue pod_alone(const Asked& asked, PodNumber pod) const;
  [[nodiscard]] std::optional<CustomItem> item_of(const Asked& asked, std::string_view api_version,
                                                  std::string_view name,
                                                  const WorkloadValue& value) const;
  [[nodiscard]] std::optional<std::string> quantity(const Asked& asked,
                                                    const AggregateValue& value) const;
  void count(const WorkloadValue& value) const;
  void observe_age(WallTime oldest, Instant now) const;

  const ViewCell& views_;
  const Catalogue& catalogue_;
  AggregateOptions options_;
  SelfMetrics& metrics_;
};

}  // namespace leadline
