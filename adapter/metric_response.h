// Writes the bodies of the two metrics APIs: MetricValueList (v1beta1, v1beta2),
// ExternalMetricValueList, and the Table that makes `kubectl get <external metric>` print one. Used
// by the API server once the values are known. Pure; `now` and timestamps are arguments.
// Source: kubernetes-metrics-api.md §1.4, §2.2, §6.10.
//
// v1beta1: {"kind":"MetricValueList","apiVersion":"custom.metrics.k8s.io/v1beta1","metadata":{},
//   "items":[{"describedObject":{"kind":"Pod","namespace":"ns","name":"p-1","apiVersion":"v1"},
//     "metricName":"queue_depth","timestamp":"2026-08-20T10:00:00Z","window":60,"value":"1500m",
//     "selector":null}]}
// v1beta2: the same with "metric":{"name":"queue_depth","selector":null} and "windowSeconds".

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/content_negotiation.h"
#include "adapter/json_text.h"
#include "adapter/label_selector.h"
#include "adapter/metric_query.h"
#include "base/clock.h"

namespace leadline {

// One object's value. At most one item per object: the HPA would take the last.
struct CustomItem {
  std::string_view api_version;                // `apps/v1`; `v1` for core kinds
  std::string_view name;                       // of the object
  WallTime timestamp;                          // of the oldest sample, never "now"
  std::optional<std::chrono::seconds> window;  // nullopt: not a windowed value
  std::string value;                           // a quantity: quantity_of(x)->text
};

// One metric of objects of one kind in one namespace. A list of 1,000 pods is the longest answer
// that the adapter gives, so its items point at the names instead of copying them.
struct CustomList {
  std::string kind;            // `Deployment`
  std::string namespace_name;  // empty for a cluster-scoped kind: left out
  std::string metric;          // as it was asked for
  std::vector<CustomItem> items;
  std::shared_ptr<const void> names;  // keeps what the items point at
};

struct ExternalItem {
  std::string metric;  // in the configured spelling
  Labels labels;
  WallTime timestamp;
  std::optional<std::chrono::seconds> window;
  std::string value;
};

// `api` is one of the two custom versions; the selector is echoed in every item.
std::string custom_metric_list(MetricApi api, const CustomList& custom,
                               const LabelSelector& metric_selector, JsonStyle style);

std::string external_metric_list(std::span<const ExternalItem> items, JsonStyle style);

// What `kubectl get` prints: NAME LABELS VALUE WINDOW AGE.
struct TableContext {
  DataFormat format = DataFormat::kTableV1;  // or kTableV1beta1
  std::string_view namespace_name;
  WallTime now;  // for AGE
};
std::string external_metric_table(std::span<const ExternalItem> items, const TableContext& context,
                                  JsonStyle style);

// `2026-08-20T10:00:00Z`: UTC, whole seconds, rounded down so that no sample looks younger.
std::string rfc3339(WallTime time);

}  // namespace leadline
