// CertificateKeeper keeps the serving certificate of all replicas in one Secret, and its authority
// in our APIServices, so that nothing has to be installed beside the adapter. The first replica
// makes it, each reads it again every minute, whoever comes first renews it.
//
// Lives on its client's thread; destroyed after the client was stopped. An APIService that does not
// exist, that we may not read or that names another Service is none of ours and is left alone.

#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapter/kube/client.h"
#include "adapter/kube/serving_secret.h"
#include "adapter/self_metrics.h"
#include "daemon/edge_log.h"

namespace leadline {

struct CertificatePlace {
  std::string namespace_name = "leadline";
  std::string secret = "leadline-adapter-certificate";
  std::string service = "leadline-adapter";  // clients dial `service.namespace.svc`
};

class CertificateKeeper {
 public:
  // Called with each certificate that is new to us, on the client's thread.
  using Use = std::function<Result<void>(const KeyPair&)>;

  // `client` and `metrics` outlive it.
  CertificateKeeper(KubeClient& client, SelfMetrics& metrics, CertificatePlace place, Use use,
                    Clock clock = system_now);
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;

  void start();

  // Whether a certificate is in use. Any thread.
  [[nodiscard]] bool has_certificate() const { return has_certificate_.load(); }

 private:
  void look();
  void found(const KubeAnswer& answer);
  void write(const std::optional<ServingCertificate>& old, const std::string& version);
  void adopt(const ServingCertificate& certificate);
  void register_next(std::size_t which);
  void compare_bundle(std::size_t which, const KubeAnswer& answer);
  void ask(KubeRequest request, std::function<void(const KubeAnswer&)> then);
  void failed(const std::string& why);
  void look_again(std::chrono::milliseconds pause);
  [[nodiscard]] std::string secrets_path() const;
  [[nodiscard]] std::string served_name() const;

  KubeClient& client_;
  SelfMetrics& metrics_;
  CertificatePlace place_;
  Use use_;
  Clock clock_;
  EdgeLog edges_;
  std::optional<ServingCertificate> current_;
  std::atomic<bool> has_certificate_ = false;
};

}  // namespace leadline
