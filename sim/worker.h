// A stand-in worker of a Redis stream, and the jobs for it. Each job takes as long as it is told;
// one that was taken is acknowledged, removed and recorded as done in one transaction, and what
// another worker took and left is claimed once it has been idle for long enough. So no job is lost,
// whoever dies, and what is not done can be seen in Redis.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace leadline {

struct WorkerOptions {
  std::string redis = "127.0.0.1:6379";
  std::string stream = "jobs";
  std::string group = "workers";
  std::string name;           // of this consumer; unique in the group
  int work_ms = 200;          // of one job
  int prefetch = 1;           // jobs taken at once, and done one after the other
  int claim_after_ms = 5000;  // a job idle for so long was left by a worker that died
};

// Works until `wait` says so, which waits for so long unless it is time to stop; the job in hand is
// ended then, those behind it stay unacknowledged. Connects again by itself. kBadConfig: no
// address.
[[nodiscard]] Result<void> work(const WorkerOptions& options,
                                const std::function<bool(std::chrono::milliseconds)>& wait);

struct JobsOptions {
  std::string redis = "127.0.0.1:6379";
  std::string stream = "jobs";
  int count = 100;
  double per_second = 0;  // 0: all at once
};

// Adds the jobs; returns how many.
[[nodiscard]] Result<int> add_jobs(const JobsOptions& options,
                                   const std::function<bool(std::chrono::milliseconds)>& wait);

struct DoneOptions {
  std::string redis = "127.0.0.1:6379";
  std::string stream = "jobs";
  int every_ms = 0;  // count again after so long; 0: once
};

// Tells how many jobs workers have recorded as done, then each time that it changed.
[[nodiscard]] Result<void> count_done(const DoneOptions& options,
                                      const std::function<bool(std::chrono::milliseconds)>& wait,
                                      const std::function<void(std::int64_t)>& tell);

}  // namespace leadline
