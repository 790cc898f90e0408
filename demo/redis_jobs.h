// RedisJobs adds jobs to the demo's stream and knows how many are done, by Redis' own count. Both
// are processes of leadline-sim, so that the demo needs no Redis client. Owned by the demo's loop;
// nothing here waits.

#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "demo/child_process.h"
#include "demo/log_tail.h"
#include "demo/work_folder.h"

namespace leadline {

class RedisJobs {
 public:
  // `folder` outlives it. Counts from now on. kUnavailable: leadline-sim cannot be started.
  [[nodiscard]] static Result<RedisJobs> start(const WorkFolder& folder, const std::string& redis);

  // Begins to add `jobs`, so many a second; 0: all at once. REQUIRES: none are being added.
  [[nodiscard]] Result<void> push(int jobs, double per_second);

  // Once, after the last push ended: how many it added. kUnavailable: it failed.
  [[nodiscard]] Result<std::optional<int>> pushed();

  // How many are done, where that has changed since it was asked last. kUnavailable: nobody counts.
  [[nodiscard]] Result<std::optional<int>> newly_done();

 private:
  RedisJobs(const WorkFolder& folder, std::string redis, ChildProcess counter);
  [[nodiscard]] std::string push_log() const;

  const WorkFolder* folder_;  // never null
  std::string redis_;
  ChildProcess counter_;
  LogTail counts_;
  ChildProcess pusher_ = ChildProcess::none();
  int pushes_ = 0;
  bool pushing_ = false;
};

}  // namespace leadline
