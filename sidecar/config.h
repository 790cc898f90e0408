// The sidecar's configuration: the schema of its keys, and the plain settings made of them. Only
// this file knows the keys' names; what it returns needs no further checks.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/config.h"
#include "daemon/log.h"
#include "engine/pod_snapshot.h"
#include "sidecar/engine_address.h"
#include "sidecar/scraper.h"

namespace leadline {

struct SidecarConfig {
  EngineAddress address;
  ScraperSettings scraper;
  std::optional<std::chrono::milliseconds> scrape_interval;  // nullopt: adaptive
  std::string listen_address;
  std::uint16_t listen_port = 0;
  std::chrono::milliseconds drain_grace{0};
  PodIdentity pod;
  LogLevel log_level = LogLevel::kInfo;
  bool once = false;
  bool json = false;  // --output json
};

[[nodiscard]] ConfigSchema sidecar_schema();

// REQUIRES: `config` was loaded with sidecar_schema().
[[nodiscard]] SidecarConfig sidecar_config(const Config& config);

// Hash of who we are: decides the phase of our scrapes.
[[nodiscard]] std::size_t phase_identity(const PodIdentity& pod);

}  // namespace leadline
