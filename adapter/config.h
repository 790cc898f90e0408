// The adapter's settings: the schema that flags, environment and file share, and the plain struct
// that the parts are built from. An AdapterConfig that exists is valid.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapter/catalogue.h"
#include "adapter/keda_clients.h"
#include "adapter/redis/config.h"
#include "base/result.h"
#include "daemon/config.h"
#include "daemon/log.h"

namespace leadline {

// Where the Kubernetes API is: what `kubeconfig` says, else the cluster whose pod this is.
struct KubeSource {
  std::string kubeconfig;
  std::string host, port;  // as kubelets give them
};

// The gRPC door for KEDA. All files empty: plain text, and whoever reaches the port may ask.
struct KedaConfig {
  std::uint16_t port = 9734;  // 0: a free one
  std::string tls_certificate_file, tls_key_file, client_ca_file;
  std::vector<KedaClient> clients;  // not asked without TLS
  std::chrono::milliseconds loading_grace{900'000};
};

struct AdapterConfig {
  std::string pods_file;  // empty: the Kubernetes API tells the pods, and who callers are
  KubeSource kube;
  std::string service_namespace = "leadline", service_name = "leadline-adapter";
  std::string listen_address = "::";
  std::uint16_t api_port = 6443;                        // 0: a free one
  std::uint16_t metrics_port = 9735;                    // 0: a free one
  std::string tls_certificate_file, tls_key_file;       // both empty: one made by us
  std::string token;                                    // with pods_file; never logged
  std::optional<KedaConfig> keda;                       // nullopt: that door is not served
  std::chrono::milliseconds keda_absent_grace{60'000};  // of JSON for KEDA, too
  CatalogueConfig catalogue;
  RedisConfig redis;
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
