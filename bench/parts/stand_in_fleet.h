// StandInFleet is many sidecars in one thread: each listens on an address of its own, port 9733,
// and answers the long poll with the sidecar's own publisher and endpoint; only scraping is left
// out. Every second, at a phase of its own, each publishes a snapshot as a sidecar would make it of
// a loaded vLLM 0.32 (two recorded pages, a minute apart), with another queue depth each time.
//
// Thread-safety: every method from one thread, which is not the fleet's own.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "demo/local_pods.h"
#include "engine/pod_snapshot.h"
#include "tests/unit/daemon/loop_thread.h"

namespace leadline::bench {

inline constexpr const char* kNamespace = "bench";
inline constexpr const char* kWorkload = "llm";
inline constexpr std::uint16_t kSidecarPort = 9733;

// A loopback address of this process alone, number in [0, 60'000).
[[nodiscard]] std::string own_address(int number);

// For whom a stand-in speaks, and where.
struct StandInPod {
  std::string name, uid, address;
};

class StandInFleet {
 public:
  // Throws std::runtime_error where an address is taken, or the recorded pages are not to be found.
  // The pods are pod-0, pod-1 … on addresses of this process.
  explicit StandInFleet(int pods, std::chrono::milliseconds interval = std::chrono::seconds{1});
  explicit StandInFleet(const std::vector<StandInPod>& pods,
                        std::chrono::milliseconds interval = std::chrono::seconds{1});
  ~StandInFleet();
  StandInFleet(const StandInFleet&) = delete;
  StandInFleet& operator=(const StandInFleet&) = delete;

  // The pods file's text: all of Deployment `llm`, all Ready.
  [[nodiscard]] std::string pods_document() const;

  // Lets the first pod say from its next snapshot on this queue depth, and waits for it: the moment
  // when it was published, which is also its sample time.
  [[nodiscard]] SteadyTime mark(int waiting);

  // Of one encoded snapshot.
  [[nodiscard]] std::size_t snapshot_bytes() const;

 private:
  struct Sidecar;
  void publish_at(SteadyTime moment, Sidecar& sidecar);
  void publish(Sidecar& sidecar);

  std::chrono::milliseconds interval_;
  PodSnapshot pattern_;
  test::LoopThread thread_;
  std::vector<std::unique_ptr<Sidecar>> sidecars_;
};

}  // namespace leadline::bench
