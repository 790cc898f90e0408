// RedisWorkers is the demo's stand-in for the Deployment of a queue's workers: each is a process of
// leadline-sim. One that is to go ends its job first. Owned by the demo's loop; nothing here waits.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "demo/child_process.h"
#include "demo/work_folder.h"

namespace leadline {

class RedisWorkers {
 public:
  // `folder` outlives it. A job takes a worker `work`.
  RedisWorkers(const WorkFolder& folder, std::string redis, std::chrono::milliseconds work)
      : folder_(folder), redis_(std::move(redis)), work_(work) {}

  // Starts workers, or asks the newest to end, until `wanted` stay. Those that died are replaced.
  [[nodiscard]] Result<void> scale_to(int wanted, SteadyTime now);

  // Notices who ended, and ends who did not in time.
  void tick(SteadyTime now);

  [[nodiscard]] int wanted() const { return wanted_; }
  [[nodiscard]] int staying() const;  // run and were not asked to end
  [[nodiscard]] int running() const { return static_cast<int>(workers_.size()); }

 private:
  struct Worker {
    ChildProcess process;
    std::optional<SteadyTime> kill_at;  // it was asked to end
  };
  [[nodiscard]] Result<void> start_one();
  void end_newest(SteadyTime now);

  const WorkFolder& folder_;
  std::string redis_;
  std::chrono::milliseconds work_;
  std::vector<Worker> workers_;  // the oldest first
  int wanted_ = 0;
  int started_ = 0;  // so far; part of the name
};

}  // namespace leadline
