// Rig runs the real binaries on loopback for process tests: stand-in engines, sidecars and one
// adapter, each pod on a 127.x.y.N address of its own with the ports of a real pod. Everything ends
// with the Rig. What a test does to a process (kill, stop, hang) it does through the pod's handles.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "demo/adapter_process.h"
#include "demo/child_process.h"
#include "demo/work_folder.h"

namespace leadline {

struct PodOptions {
  std::string name;
  bool ready = true;
  bool deleting = false;
  bool with_engine = true;
  bool with_sidecar = true;
  // g++ warns of what a designated initialiser leaves out, unless it has one here.
  std::vector<std::string> engine_arguments;
  std::vector<std::string> sidecar_arguments = {"--scrape-interval-ms", "250"};
  // Of both, `NAME=value`.
  std::vector<std::string> environment;
  // What the sidecar is told its pod is called; empty: the truth.
  std::string told_name;
};

class Rig {
 public:
  static constexpr int kEnginePort = 8000;
  static constexpr int kSidecarPort = 9733;

  struct Pod {
    PodOptions options;
    std::string uid, address;
    std::string dialled_address;  // what the pods file says: a proxy may stand between
    ChildProcess engine = ChildProcess::none();
    ChildProcess sidecar = ChildProcess::none();
  };

  Rig();

  // Starts the pod's processes and lists it in the pods file (written at once).
  Pod& add_pod(PodOptions options);
  // REQUIRES: it was added.
  [[nodiscard]] Pod& pod(const std::string& name);
  void start_engine(Pod& pod);
  void start_sidecar(Pod& pod);

  // Rewrites the pods file from the pods' options, by rename.
  void write_pods_file();
  [[nodiscard]] std::string pods_file() const { return folder_.file("pods.json"); }

  void start_adapter(std::vector<std::string> arguments = {});
  void restart_adapter();
  [[nodiscard]] AdapterProcess& adapter() { return *adapter_; }
  // One more connection to the adapter, for a thread of its own.
  [[nodiscard]] std::unique_ptr<ApiClient> connect() const;

  [[nodiscard]] ApiAnswer ask(const std::string& path) { return adapter_->api().get(path); }
  // `deployments.apps/llm/METRIC` of the rig's namespace (v1beta2), with `window` where given.
  [[nodiscard]] std::string workload_path(const std::string& metric,
                                          const std::string& window = "") const;
  [[nodiscard]] std::string pods_path(const std::string& metric) const;
  [[nodiscard]] std::string external_path(const std::string& metric,
                                          const std::string& selector) const;
  // The one item's value; nullopt for any other answer.
  [[nodiscard]] std::optional<double> value_of(const std::string& path);

  // GET on a pod's engine (`/sim/state`) or sidecar (`/metrics`); empty where nobody answers.
  [[nodiscard]] static std::string fetch(const std::string& address, int port,
                                         const std::string& path);
  // The adapter's self metrics page.
  [[nodiscard]] std::string self_metrics() const;
  // Its `/healthz` or `/readyz` says ok.
  [[nodiscard]] bool adapter_says_ok(const std::string& path) const;
  [[nodiscard]] std::string adapter_log() const;
  [[nodiscard]] std::string log_of(const std::string& name) const;

  // `POST /sim/faults` and `/sim/mark` of a pod's engine; waits for one that is starting.
  static void set_faults(const Pod& pod, const nlohmann::json& faults);
  static nlohmann::json mark(const Pod& pod, const nlohmann::json& gauges);

  // What the engine itself says of itself: `GET /sim/state`. Throws where it does not answer.
  static nlohmann::json truth(const Pod& pod);

  // Waits until `holds`, asking every 50 ms; false when `patience` has passed.
  static bool eventually(const std::function<bool()>& holds,
                         std::chrono::milliseconds patience = std::chrono::seconds{20});

  [[nodiscard]] const WorkFolder& folder() const { return folder_; }

 private:
  WorkFolder folder_;
  std::vector<std::unique_ptr<Pod>> pods_;
  std::vector<std::string> adapter_arguments_;
  std::unique_ptr<AdapterProcess> adapter_;
};

// The value behind `series` (`leadline_adapter_pods{state="stale"}`) of an exposition.
[[nodiscard]] std::optional<double> sample_of(const std::string& page, const std::string& series);

// How many lines of `text` hold every one of `parts`.
[[nodiscard]] int lines_with(const std::string& text, const std::vector<std::string>& parts);

}  // namespace leadline
