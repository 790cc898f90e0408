// LocalPlatform is this machine without Kubernetes: a fleet of processes, the adapter with a pods
// file, and an autoscaler that decides as the HPA controller does.

#pragma once

#include <string>
#include <vector>

#include "demo/adapter_process.h"
#include "demo/autoscaler.h"
#include "demo/every.h"
#include "demo/fleet.h"
#include "demo/options.h"
#include "demo/platform.h"
#include "demo/work_folder.h"

namespace leadline {

class LocalPlatform final : public Platform {
 public:
  LocalPlatform(const DemoOptions& options, const HpaManifest& manifest, const WorkFolder& folder);

  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> look_after(SteadyTime now) override;
  [[nodiscard]] Result<std::vector<Decided>> decisions(SteadyTime now) override;
  [[nodiscard]] Replicas replicas() const override;
  [[nodiscard]] ApiAnswer ask(const std::string& path) override;
  [[nodiscard]] std::string addresses_file() const override { return fleet_.addresses_file(); }
  [[nodiscard]] nlohmann::json facts() const override;
  void print_hold_help() const override;

 private:
  const WorkFolder& folder_;
  Fleet fleet_;
  AdapterProcess adapter_;
  Autoscaler autoscaler_;
  Every sync_;
};

}  // namespace leadline
