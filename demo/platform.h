// Platform is what runs the demo's pods and decides how many there are: LocalPlatform, or with
// --cluster ClusterPlatform. Everything else (the load, the view, the recording, the summary) is
// the same on each. Owned by the demo's loop; only start() waits long.

#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "demo/autoscaler.h"

namespace leadline {

struct Replicas {
  int wanted = 0;
  int existing = 0;  // starting or Ready; not draining
  int ready = 0;
};

// One decision about the replica count, whether or not it changed it, as the recording has it but
// for its time.
struct Decided {
  SteadyTime at;
  nlohmann::json record;
};

class Platform {
 public:
  Platform() = default;
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;
  virtual ~Platform() = default;

  // Returns once minReplicas pods are starting and the metrics API can be asked.
  [[nodiscard]] virtual Result<void> start() = 0;

  // Notices what became of the pods.
  [[nodiscard]] virtual Result<void> look_after(SteadyTime now) = 0;

  // What was decided since it was asked last.
  [[nodiscard]] virtual Result<std::vector<Decided>> decisions(SteadyTime now) = 0;

  [[nodiscard]] virtual Replicas replicas() const = 0;

  // GET of a path: a metric as the HPA controller asks for it, on a cluster any other, too.
  [[nodiscard]] virtual ApiAnswer ask(const std::string& path) = 0;

  // URLs of Ready engines, one a line; kept up to date by look_after().
  [[nodiscard]] virtual std::string addresses_file() const = 0;

  // What it has to show beside the view, since it was asked last.
  [[nodiscard]] virtual std::vector<std::string> new_lines() { return {}; }

  // What the recording's line `start` says of this platform.
  [[nodiscard]] virtual nlohmann::json facts() const = 0;

  // How to ask it, for people who look around while it stays up.
  virtual void print_hold_help() const = 0;
};

}  // namespace leadline
