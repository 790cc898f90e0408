// KubeGatekeeper identifies and authorises callers as every API server behind Kubernetes'
// aggregation layer must: by the front proxy's certificate and headers, by a client certificate, or
// by a token that the Kubernetes API reviews; and each request by a SubjectAccessReview. Answers
// are remembered for ten seconds.
//
// Lives on the serving loop, but for trust_changed() and trusts(). Source:
// kubernetes-metrics-api.md §5.2–5.4; apiserver
// pkg/authentication/authenticatorfactory/delegating.go, pkg/server/options/authorization.go
// (v1.36).

#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "adapter/certificate_authority.h"
#include "adapter/gatekeeper.h"
#include "adapter/kube/client.h"
#include "adapter/kube/front_proxy.h"
#include "adapter/kube/reviews.h"
#include "adapter/kube/token_hash.h"
#include "adapter/review_cache.h"
#include "adapter/self_metrics.h"
#include "base/clock.h"
#include "daemon/edge_log.h"

namespace leadline {

class EventLoop;

class KubeGatekeeper final : public Gatekeeper {
 public:
  // All outlive it.
  KubeGatekeeper(KubeClient& client, EventLoop& loop, SelfMetrics& metrics, Clock clock);

  void identify(const HttpRequest& request, Identified verdict) override;
  void authorise(const Caller& caller, const AccessRequest& access, Authorised verdict) override;

  // From now on these CAs and headers are believed. kBadInput: a CA bundle that cannot be read;
  // what was believed before stays. Any thread.
  [[nodiscard]] Result<void> trust_changed(const FrontProxyTrust& trust);

  // Whether it knows whom to believe. Any thread.
  [[nodiscard]] bool trusts() const { return trusts_.load(); }

 private:
  struct Trust {
    FrontProxyTrust headers;
    CertificateAuthority front_proxy;
    std::optional<CertificateAuthority> clients;
  };
  enum class Role { kNobody, kFrontProxy, kClient };
  struct Checked {
    std::weak_ptr<const ClientCertificates> certificates;
    SteadyTime until;
    Role role = Role::kNobody;
    CertificateSubject subject;
  };

  [[nodiscard]] const Checked& check(const std::shared_ptr<const ClientCertificates>& shown);
  [[nodiscard]] std::pair<Role, CertificateSubject> role_of(const ClientCertificates& shown) const;
  [[nodiscard]] ApiResult<std::optional<Caller>> by_certificate(const HttpRequest& request);
  void by_token(const std::string& token, Identified verdict);

  void note(const char* path, const Error* failure);
  template <typename Answer>
  void review(const char* path, std::string body, Result<Answer> (*read)(std::string_view),
              ReviewCache<Answer>::Use done, int attempt = 0);

  KubeClient& client_;
  EventLoop& loop_;
  SelfMetrics& metrics_;
  Clock clock_;
  EdgeLog edges_;
  std::shared_ptr<const Trust> trust_;  // nullptr until the ConfigMap was read
  std::atomic<bool> trusts_ = false;
  std::unordered_map<const ClientCertificates*, Checked> checked_;  // by connection
  TokenHash token_hash_;                                            // no token is kept
  ReviewCache<std::optional<Caller>> tokens_;
  ReviewCache<AccessVerdict> accesses_;
};

}  // namespace leadline
