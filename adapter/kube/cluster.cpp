#include "adapter/kube/cluster.h"

#include <utility>

#include "adapter/kube/front_proxy.h"
#include "adapter/probes.h"
#include "daemon/log.h"

namespace leadline {
namespace {

const KubeCollection kTrust = {"authentication-config", "/api/v1/namespaces/kube-system/configmaps",
                               "metadata.name=extension-apiserver-authentication"};

}  // namespace

Result<std::unique_ptr<KubeCluster>> KubeCluster::start(const KubeEndpoint& endpoint,
                                                        EventLoop& serving, EventLoop& collecting,
                                                        SelfMetrics& metrics,
                                                        KubeClusterOptions options) {
  auto client = KubeClient::start(endpoint);
  if (!client) return fail(client.error());
  return std::unique_ptr<KubeCluster>(
      new KubeCluster(std::move(*client), serving, collecting, metrics, std::move(options)));
}

KubeCluster::KubeCluster(std::unique_ptr<KubeClient> client, EventLoop& serving,
                         EventLoop& collecting, SelfMetrics& metrics, KubeClusterOptions options)
    : client_(std::move(client)),
      pods_(*client_, collecting, metrics),
      gatekeeper_(*client_, serving, metrics, system_now),
      trust_watch_(*client_, kTrust, trust_events(), metrics),
      keeps_certificate_(options.use_certificate != nullptr),
      certificate_(*client_, metrics, std::move(options.certificate),
                   std::move(options.use_certificate)) {
  trust_watch_.start();
  if (keeps_certificate_) certificate_.start();
}

KubeCluster::~KubeCluster() {
  client_->stop();
}

KubeEvents KubeCluster::trust_events() {
  return {
      .begin_list = [] {},
      .upsert =
          [this](const nlohmann::json& config_map) {
            const auto trust = front_proxy_trust_from(config_map);
            const auto changed =
                trust ? gatekeeper_.trust_changed(*trust) : Result<void>(fail(trust.error()));
            if (!changed)
              log_error("callers cannot be identified " + error_fields(changed.error()));
          },
      .remove =
          [](const nlohmann::json&) {},  // what was believed stays: kube-apiserver writes it anew
      .end_list = [] {}};
}

void KubeCluster::add_probes(Probes& probes) const {
  probes.add_ready("pods-listed", [this] { return pods_.listed(); });
  probes.add_ready("front-proxy-trust", [this] { return gatekeeper_.trusts(); });
  probes.add_ready("serving-certificate",
                   [this] { return !keeps_certificate_ || certificate_.has_certificate(); });
}

}  // namespace leadline
