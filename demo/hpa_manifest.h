// Reads an ordinary autoscaling/v2 HorizontalPodAutoscaler manifest into what engine/scaling
// decides with, so that the file which the demo runs on is the file that a cluster would take. Pure
// but for reading the file.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/scaling/hpa_types.h"

namespace leadline {

// The part of an HPA that says where its numbers come from, beside the arithmetic's own HpaSpec.
struct HpaManifest {
  std::string name;
  std::string namespace_name;
  std::string workload;  // scaleTargetRef.name; a Deployment
  HpaSpec spec;
  std::vector<std::string> paths;  // paths[i] is what the HPA controller asks for spec.metrics[i]
};

// kBadConfig with every problem found, one a line. Resource metrics are refused with the reason
// that they come from metrics-server.
[[nodiscard]] Result<HpaManifest> parse_hpa_manifest(std::string_view yaml);
[[nodiscard]] Result<HpaManifest> read_hpa_manifest(const std::string& file);

}  // namespace leadline
