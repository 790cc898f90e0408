// Fleet is the demo's stand-in for kubelet and ReplicaSet: it starts and stops pods, each a
// stand-in engine with a real sidecar on a loopback address of its own (127.x.y.N, with the ports
// of a real pod), and tells the adapter of them through the pods file and the load generator
// through the addresses file. Owned by the demo's loop; tick() never waits long.

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "demo/child_process.h"
#include "engine/scaling/hpa_types.h"

namespace leadline {

struct FleetOptions {
  std::string programs;  // folder of leadline-sim and leadline-sidecar
  std::string work_folder;
  std::string namespace_name;
  std::string workload;
  std::vector<std::string> engine_arguments;   // after `engine --address A --port P`
  std::vector<std::string> sidecar_arguments;  // further flags of every sidecar
  std::chrono::milliseconds drain_grace{20'000};
};

class Fleet {
 public:
  explicit Fleet(FleetOptions options);

  // Starts pods, or drains the youngest, until `replicas` are wanted.
  [[nodiscard]] Result<void> scale_to(int replicas, SteadyTime now);

  // Notices pods that became Ready, ended draining or died, and rewrites the two files on a change.
  void tick(SteadyTime now);

  [[nodiscard]] int wanted() const { return wanted_; }
  [[nodiscard]] int existing() const;  // starting or Ready; not draining
  [[nodiscard]] int ready() const;
  [[nodiscard]] std::vector<ObservedPod> observed() const;

  [[nodiscard]] std::string pods_file() const;
  [[nodiscard]] std::string addresses_file() const;  // URLs of Ready engines, one a line

 private:
  enum class Phase { kStarting, kReady, kDraining };
  struct Pod {
    std::string name, uid, address;
    Phase phase = Phase::kStarting;
    SteadyTime drain_deadline;
    ChildProcess engine, sidecar;
  };

  [[nodiscard]] Result<void> start_pod();
  [[nodiscard]] Result<ChildProcess> start_engine(const std::string& address,
                                                  const std::string& name) const;
  [[nodiscard]] Result<ChildProcess> start_sidecar(const Pod& pod) const;
  void drain_one(SteadyTime now);
  void tick_pod(Pod& pod, SteadyTime now);
  void write_files() const;

  FleetOptions options_;
  std::vector<std::unique_ptr<Pod>> pods_;
  int wanted_ = 0;
  int started_ = 0;  // pods started so far: the last octet, and part of the name
  bool changed_ = true;
};

}  // namespace leadline
