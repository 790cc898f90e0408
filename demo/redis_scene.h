// RedisScene is all that `--redis` runs beside the Redis: the jobs, the adapter that counts them,
// the workers, and the autoscaler between the two. It records and prints what happens. Owned by the
// demo's loop.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "demo/adapter_process.h"
#include "demo/every.h"
#include "demo/queue_autoscaler.h"
#include "demo/recording.h"
#include "demo/redis_jobs.h"
#include "demo/redis_workers.h"
#include "demo/work_folder.h"

namespace leadline {

class RedisScene {
 public:
  static constexpr std::chrono::milliseconds kSyncPeriod{100};
  static constexpr std::chrono::milliseconds kJobTime{200};

  // `folder` and `recording` outlive it. `redis`: HOST:PORT.
  RedisScene(const WorkFolder& folder, std::string redis, RedisJobs jobs, Recording& recording);

  // Returns once the adapter counts the queue, or on `stop`. Time begins then.
  [[nodiscard]] Result<void> start(const std::atomic<bool>& stop);

  // Jobs begin to come in, so many a second; 0: all at once. REQUIRES: none are coming in.
  [[nodiscard]] Result<void> push(int jobs, double per_second);

  // Looks after everything, and decides where it is time to. Call it some 50 times a second.
  [[nodiscard]] Result<void> tick(SteadyTime now);

  // All jobs that were pushed are done, and no worker runs.
  [[nodiscard]] bool is_over() const;

  // Seconds since the start.
  [[nodiscard]] double seconds_in() const;

  // `waiting=3 in_flight=1 workers=1/1 done=8`: workers that run, and that are wanted.
  [[nodiscard]] std::string state() const;

 private:
  [[nodiscard]] Result<void> sync(SteadyTime now);
  void tell(const Decision& decision, int before);
  void tell_problem(const std::string& problem);
  [[nodiscard]] Result<void> count_jobs();
  void record_workers();

  const WorkFolder& folder_;
  Recording& recording_;
  std::string redis_;
  RedisJobs jobs_;
  AdapterProcess adapter_;
  RedisWorkers workers_;
  QueueAutoscaler autoscaler_;
  SteadyTime began_;
  Every sync_{kSyncPeriod};
  std::optional<std::int64_t> waiting_, in_flight_;  // as last answered
  std::string problem_;                              // of the last answer
  int jobs_in_ = 0, jobs_done_ = 0;
  bool pushing_ = false;
  std::pair<int, int> recorded_workers_ = {-1, -1};  // wanted, running
};

}  // namespace leadline
