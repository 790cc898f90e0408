// KubeCluster is everything that the adapter has of a Kubernetes cluster: its pods, whom to
// believe, and the certificate that it serves with. One thread of its own (KubeClient's) does all
// of it.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapter/kube/certificate_keeper.h"
#include "adapter/kube/client.h"
#include "adapter/kube/gatekeeper.h"
#include "adapter/kube/pods.h"
#include "adapter/kube/watch.h"

namespace leadline {

class EventLoop;
class Probes;

struct KubeClusterOptions {
  CertificatePlace certificate;
  CertificateKeeper::Use use_certificate;  // empty: the certificate comes from files
};

class KubeCluster {
 public:
  // Requests are decided on `serving`, lists of pods published on `collecting`. All outlive it.
  [[nodiscard]] static Result<std::unique_ptr<KubeCluster>> start(const KubeEndpoint& endpoint,
                                                                  EventLoop& serving,
                                                                  EventLoop& collecting,
                                                                  SelfMetrics& metrics,
                                                                  KubeClusterOptions options);
  // After both loops have ended.
  ~KubeCluster();
  KubeCluster(const KubeCluster&) = delete;
  KubeCluster& operator=(const KubeCluster&) = delete;

  [[nodiscard]] PodDirectory& pods() { return pods_; }
  [[nodiscard]] Gatekeeper& gatekeeper() { return gatekeeper_; }

  // pods-listed, front-proxy-trust, serving-certificate.
  void add_probes(Probes& probes) const;

 private:
  KubeCluster(std::unique_ptr<KubeClient> client, EventLoop& serving, EventLoop& collecting,
              SelfMetrics& metrics, KubeClusterOptions options);

  [[nodiscard]] KubeEvents trust_events();

  std::unique_ptr<KubeClient> client_;
  KubePods pods_;
  KubeGatekeeper gatekeeper_;
  KubeWatch trust_watch_;
  bool keeps_certificate_;
  CertificateKeeper certificate_;
};

}  // namespace leadline
