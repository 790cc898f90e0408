// ClusterPlatform is a Kubernetes cluster on this machine, which leadline-cluster
// (tests/cluster/cmd/cluster) runs: a real control plane, a stand-in kubelet, the adapter as
// manifests/base has it, the workload and its HPA. What it knows it asks kube-apiserver, as a user
// that may view the namespace; only `kubectl get hpa -w`, whose lines are shown beside, is run as
// the administrator. The HPA controller decides.

#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "demo/api_client.h"
#include "demo/child_process.h"
#include "demo/every.h"
#include "demo/hpa_manifest.h"
#include "demo/log_tail.h"
#include "demo/options.h"
#include "demo/platform.h"
#include "demo/work_folder.h"

namespace leadline {

class ClusterPlatform final : public Platform {
 public:
  // `stop` breaks off a start.
  ClusterPlatform(const DemoOptions& options, const HpaManifest& manifest, const WorkFolder& folder,
                  const std::atomic<bool>& stop);
  // Returns when no process of the cluster is left; after 20 s it kills what is.
  ~ClusterPlatform() override;

  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> look_after(SteadyTime now) override;
  [[nodiscard]] Result<std::vector<Decided>> decisions(SteadyTime now) override;
  [[nodiscard]] Replicas replicas() const override { return replicas_; }
  [[nodiscard]] ApiAnswer ask(const std::string& path) override { return api_->get(path); }
  [[nodiscard]] std::string addresses_file() const override { return folder_.file("engines.txt"); }
  [[nodiscard]] std::vector<std::string> new_lines() override;
  [[nodiscard]] nlohmann::json facts() const override;
  void print_hold_help() const override;

 private:
  // A change of the replica count whose reason is not known yet.
  struct Change {
    Instant at;
    int before = 0, after = 0;
  };

  [[nodiscard]] std::vector<std::string> arguments() const;
  [[nodiscard]] Result<void> await_ready();
  [[nodiscard]] Result<void> take_ready(const std::string& text);
  [[nodiscard]] Result<void> watch_hpa();
  void print_beginning() const;
  void look_at_deployment();
  void look_at_pods();
  [[nodiscard]] std::optional<std::string> reason_of(const Change& change);
  [[nodiscard]] std::string path_of(const std::string& api, const std::string& what) const;
  [[nodiscard]] std::string kubectl() const;

  DemoOptions options_;
  HpaManifest manifest_;
  const WorkFolder& folder_;
  const std::atomic<bool>& stop_;
  ChildProcess cluster_ = ChildProcess::none();
  ChildProcess watch_ = ChildProcess::none();  // `kubectl get hpa -w`
  Every watch_again_;
  LogTail watched_;
  bool heading_seen_ = false;
  std::string kubectl_program_, kubeconfig_;
  std::unique_ptr<ApiClient> api_;
  Every look_;
  // `wanted` begins as what the cluster starts with: the HPA controller may decide before we look.
  Replicas replicas_;
  std::string addresses_;
  std::deque<Change> changes_;  // oldest first
};

}  // namespace leadline
