// KedaTrigger is one trigger of a ScaledObject: what its metadata asks of us. Read anew from each
// request, since KEDA sends all of it each time. Pure, immutable, thread-safe.
// Source: contracts/keda.md §1.5 (KEDA v2.21.0).

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapter/catalogue.h"
#include "adapter/label_selector.h"
#include "adapter/pod_selection.h"
#include "base/result.h"

namespace leadline {

struct KedaTrigger {
  std::string namespace_name;             // the ScaledObject's: the only one that it may speak of
  std::string kind;                       // "Deployment"
  std::string workload;                   // its name
  const CatalogueEntry* entry = nullptr;  // what is measured; the catalogue outlives the trigger
  Window window = kDefaultWindow;
  PodSelection selection;            // which of the workload's pods and series; all by default
  double target_value = 0;           // in the metric's unit, > 0
  std::optional<double> activation;  // active, too, while the value is above it; >= 0
  bool scale_to_zero = false;        // else the workload is active at all times
};

// What the metadata of a workload trigger may say; other keys are KEDA's own and left alone:
//   workload               name of what is scaled; required
//   kind                   Deployment (default), StatefulSet, ReplicaSet, LeaderWorkerSet or
//                          InferenceService
//   metric                 a name of the catalogue; `in_flight_requests` by default, because it
//                          tells work before a queue forms
//   window                 15s, 60s, 300s; the metric's own by default
//   selector               label selector over its pods and series, as External metrics have it
//   targetValue            > 0; 5 by default where the metric counts requests, else required
//   activationTargetValue  >= 0
//   scaleToZero            true or false (default)
// Each may be written `KEYFromEnv`: KEDA has put the variable's value there, and no message tells
// it. kBadInput, with every error, `; ` between them.
[[nodiscard]] Result<KedaTrigger> parse_keda_trigger(std::string_view namespace_name,
                                                     const Labels& metadata,
                                                     const Catalogue& catalogue);

}  // namespace leadline
