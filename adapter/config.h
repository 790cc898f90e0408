// The adapter's settings: the schema that flags, environment and file share, and the plain struct
// that the parts are built from. An AdapterConfig that exists is valid.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "adapter/catalogue.h"
#include "base/result.h"
#include "daemon/config.h"
#include "daemon/log.h"

namespace leadline {

struct AdapterConfig {
  std::string pods_file;
  std::string listen_address = "::";
  std::uint16_t api_port = 6443;                   // 0: a free one
  std::uint16_t metrics_port = 9735;               // 0: a free one
  std::string tls_certificate_file, tls_key_file;  // both empty: a certificate made in memory
  std::string token;                               // never logged
  CatalogueConfig catalogue;
  double min_coverage = 0.5;
  std::chrono::milliseconds least_max_age{5000};
  std::chrono::milliseconds shutdown_delay{5000};
  std::chrono::milliseconds drain_grace{10000};
  LogLevel log_level = LogLevel::kInfo;
};

[[nodiscard]] const ConfigSchema& adapter_schema();

// REQUIRES: `config` was loaded by adapter_schema().
[[nodiscard]] AdapterConfig adapter_config(const Config& config);

}  // namespace leadline
