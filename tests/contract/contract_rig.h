// ContractTest is the real leadline-adapter, as a process of its own, between a fleet of fake
// sidecars and a stub Kubernetes API, TLS on both sides: pods, trust and reviews come from the
// stub. What the checks of kubernetes-metrics-api.md §8 ask. The caller of get() and call() shows a
// token; he may do everything, and anonymous callers nothing.
//
// The fleet of every check, all of namespace `ns`:
//   p-1  app=web tier=a n=3          deployments.apps/d  node n1 (zone=a)  queue_depth 3
//   p-2  app=web tier=b n=7          deployments.apps/d  node n2 (zone=b)  queue_depth 5
//   p-3  app=db n=x in=in …/team=ml  leaderworkersets/l  node n1           queue_depth 7
//   p-4  tier= (empty)               nobody's            node n2           queue_depth 11

#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "demo/child_process.h"
#include "demo/work_folder.h"
#include "tests/contract/api_caller.h"
#include "tests/contract/fake_fleet.h"
#include "tests/unit/adapter/kube/certificates.h"
#include "tests/unit/adapter/kube/stub_kube.h"

namespace leadline::test {

inline const std::string kServedName = "adapter.default.svc";
inline const std::string kV1beta1 = "/apis/custom.metrics.k8s.io/v1beta1";
inline const std::string kV1beta2 = "/apis/custom.metrics.k8s.io/v1beta2";
inline const std::string kExternal = "/apis/external.metrics.k8s.io/v1beta1";
inline const std::string kAllPods = kV1beta1 + "/namespaces/ns/pods/%2A/queue_depth";
inline const std::string kOnePod = kV1beta1 + "/namespaces/ns/pods/p-1/queue_depth";
inline const std::string kQueueOfAll = kExternal + "/namespaces/ns/queue_depth";

class ContractTest : public testing::Test {
 protected:
  ContractTest();

  // Starts the adapter with further flags and waits until it has heard everybody who speaks.
  void start(std::vector<std::string> flags = {});

  // Tells the stub of the fleet as it is now.
  void write_pods();

  // The ConfigMap that says whom to believe.
  void write_trust(const std::string& front_proxy_ca, const std::string& allowed_names);

  // On a connection of its own.
  [[nodiscard]] ApiReply call(const ApiCall& call) const;
  [[nodiscard]] ApiReply get(const std::string& path, std::vector<HttpHeader> headers = {}) const {
    return call({.path = path, .headers = std::move(headers)});
  }
  // The body of a 200 with JSON; fails the test otherwise.
  [[nodiscard]] nlohmann::json data(const std::string& path) const;
  // The only item of such an answer; fails the test otherwise.
  [[nodiscard]] nlohmann::json only_item(const std::string& path) const;
  // The names that the items of such an answer describe, in order.
  [[nodiscard]] std::vector<std::string> described(const std::string& path) const;

  [[nodiscard]] ApiAddress address() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string log() const;
  // Status and text of a GET on the self metrics port; status 0 where nobody listens any more.
  [[nodiscard]] ApiReply ask_metrics_port(const std::string& path) const;
  // The number behind `name` on the self metrics page; 0 where it is not there.
  [[nodiscard]] double self_metric(const std::string& name) const;

  // Waits until `holds`, asking every 20 ms, for twenty seconds at most.
  template <typename Condition>
  static bool eventually(Condition holds) {
    const SteadyTime deadline = system_now().steady + std::chrono::seconds{20};
    while (!holds()) {
      if (system_now().steady > deadline) return false;
      pause(std::chrono::milliseconds{20});
    }
    return true;
  }
  static void pause(std::chrono::milliseconds time);

  // A minute: nothing goes stale on a slow machine unless a check says so.
  std::string max_age_ms_ = "60000";
  KeyPair kube_ca_, front_proxy_ca_ = root_authority("front-proxy-ca"),
                    client_ca_ = root_authority("client-ca");
  std::string trusted_pem_;  // empty: what the adapter keeps in its Secret
  FakeFleet fleet_;
  StubKube kube_;
  WorkFolder folder_;
  ChildProcess adapter_ = ChildProcess::none();

 private:
  void add_pods();
  [[nodiscard]] std::string trusted() const;
  void write_kubeconfig();

  std::set<std::string> listed_;  // `namespace/name` of the stub's pods
  std::uint16_t port_ = 0, metrics_port_ = 0;
};

// Expects a Status of this code and reason whose message holds `words`.
void expect_status(const ApiReply& reply, int code, std::string_view reason,
                   const std::vector<std::string>& words = {});

// The keys of a JSON object, sorted.
[[nodiscard]] std::vector<std::string> keys_of(const nlohmann::json& object);

}  // namespace leadline::test
