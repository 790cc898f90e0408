#include "demo/local_platform.h"

#include <utility>

#include "demo/hold.h"

namespace leadline {
namespace {

FleetOptions fleet_options(const DemoOptions& options, const HpaManifest& manifest,
                           const WorkFolder& folder) {
  FleetOptions fleet;
  fleet.programs = program_folder();
  fleet.work_folder = folder.path();
  fleet.namespace_name = manifest.namespace_name;
  fleet.workload = manifest.workload;
  fleet.engine_arguments = {"--startup-delay-ms", std::to_string(options.startup_delay.count())};
  if (options.scrape_interval_ms > 0) {
    fleet.sidecar_arguments = {"--scrape-interval-ms", std::to_string(options.scrape_interval_ms)};
  }
  return fleet;
}

}  // namespace

LocalPlatform::LocalPlatform(const DemoOptions& options, const HpaManifest& manifest,
                             const WorkFolder& folder)
    : folder_(folder),
      fleet_(fleet_options(options, manifest, folder)),
      adapter_(folder),
      autoscaler_(manifest, [this](const std::string& path) { return ask(path); }),
      sync_(options.sync_period) {}

Result<void> LocalPlatform::start() {
  if (auto started = adapter_.start(fleet_.pods_file()); !started) return started;
  return fleet_.scale_to(autoscaler_.manifest().spec.min_replicas, system_now().steady);
}

Result<void> LocalPlatform::look_after(SteadyTime now) {
  fleet_.tick(now);
  return {};
}

Result<std::vector<Decided>> LocalPlatform::decisions(SteadyTime now) {
  if (!sync_.due(now)) return std::vector<Decided>{};
  auto sync = autoscaler_.sync({.spec_replicas = fleet_.wanted(),
                                .status_replicas = fleet_.existing(),
                                .pods = fleet_.observed()},
                               now);
  if (sync.decision.rescale) {
    if (auto scaled = fleet_.scale_to(sync.decision.desired, now); !scaled) {
      return fail(scaled.error());
    }
  }
  return std::vector<Decided>{{.at = now, .record = std::move(sync.record)}};
}

Replicas LocalPlatform::replicas() const {
  return {.wanted = fleet_.wanted(), .existing = fleet_.existing(), .ready = fleet_.ready()};
}

ApiAnswer LocalPlatform::ask(const std::string& path) {
  return adapter_.api().get(path);
}

nlohmann::json LocalPlatform::facts() const {
  return {{"adapter_pid", adapter_.pid()}};
}

void LocalPlatform::print_hold_help() const {
  leadline::print_hold_help(adapter_, folder_, autoscaler_.manifest());
}

}  // namespace leadline
