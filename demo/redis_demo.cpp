#include "demo/redis_demo.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "demo/every.h"
#include "demo/redis_process.h"
#include "demo/redis_scene.h"
#include "demo/redis_summary.h"

namespace leadline {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kTick{20};
constexpr seconds kPatience{60};  // beyond the time in which one worker does all of a round

// Jobs that come in at once, or so many a second, after a pause without any.
struct Round {
  const char* phase;
  milliseconds pause;
  int jobs;
  double per_second;
};

constexpr std::array<Round, 3> kRounds = {{{"burst", seconds{8}, 300, 0},
                                           {"one job", seconds{8}, 1, 0},
                                           {"stream", seconds{8}, 400, 40}}};
constexpr seconds kAllRounds{65};  // what they take

// As much shorter or longer as the run is.
Round scaled(const Round& round, seconds run) {
  const double share = duration<double>(run) / kAllRounds;
  Round result = round;
  result.pause = std::chrono::duration_cast<milliseconds>(round.pause * share);
  if (round.jobs > 1) result.jobs = std::max(2, static_cast<int>(std::lround(round.jobs * share)));
  return result;
}

std::string words_for(const Round& round) {
  if (round.jobs == 1) return "1 job comes in";
  if (round.per_second == 0) return fmt::format("{} jobs come in at once", round.jobs);
  return fmt::format("{} jobs come in, {} a second", round.jobs, round.per_second);
}

class RedisDemo {
 public:
  RedisDemo(RedisScene& scene, const std::atomic<bool>& stop) : scene_(scene), stop_(stop) {}

  [[nodiscard]] Result<void> run(seconds duration);

 private:
  [[nodiscard]] Result<void> play(const Round& round);
  [[nodiscard]] Result<void> wait(SteadyTime until);
  [[nodiscard]] Result<void> drain(SteadyTime deadline);
  [[nodiscard]] Result<void> tick();

  RedisScene& scene_;
  const std::atomic<bool>& stop_;
  Every second_{seconds{1}};
  std::string phase_;
};

Result<void> RedisDemo::run(seconds duration) {
  for (const Round& round : kRounds) {
    if (stop_) break;
    if (auto played = play(scaled(round, duration)); !played) return played;
  }
  return {};
}

Result<void> RedisDemo::play(const Round& round) {
  phase_ = "nothing to do";
  if (auto waited = wait(system_now().steady + round.pause); !waited) return waited;
  phase_ = round.phase;
  std::printf("%.1f s: %s\n", scene_.seconds_in(), words_for(round).c_str());
  if (auto pushed = scene_.push(round.jobs, round.per_second); !pushed) return pushed;
  return drain(system_now().steady + kPatience + round.jobs * RedisScene::kJobTime);
}

Result<void> RedisDemo::wait(SteadyTime until) {
  while (!stop_ && system_now().steady < until) {
    if (auto ticked = tick(); !ticked) return ticked;
  }
  return {};
}

Result<void> RedisDemo::drain(SteadyTime deadline) {
  while (!stop_ && !scene_.is_over()) {
    if (auto ticked = tick(); !ticked) return ticked;
    if (system_now().steady > deadline) {
      return fail(Errc::kUnavailable, "jobs are left, or workers: {}", scene_.state());
    }
  }
  return {};
}

Result<void> RedisDemo::tick() {
  const SteadyTime now = system_now().steady;
  if (auto ticked = scene_.tick(now); !ticked) return ticked;
  if (second_.due(now)) {
    std::printf("t=%.1fs phase=\"%s\" %s\n", scene_.seconds_in(), phase_.c_str(),
                scene_.state().c_str());
  }
  std::fflush(stdout);
  std::this_thread::sleep_for(kTick);
  return {};
}

void print_beginning() {
  const QueueScaling scaling;
  fmt::print(
      "Leadline demo: jobs in a real Redis, stand-in workers from zero and back. No Kubernetes.\n"
      "A worker does a job in {} ms. Wanted is a worker for each {} jobs, at most {}; fewer only "
      "after {} s.\n"
      "The adapter is asked every {} ms, and decided on as by an HPA with HPAScaleToZero. A real "
      "one "
      "asks every\n15 s; KEDA hears of the first job at once.\n\n",
      RedisScene::kJobTime.count(), scaling.jobs_per_worker, scaling.most_workers,
      scaling.stabilization.count(), RedisScene::kSyncPeriod.count());
  std::fflush(stdout);
}

}  // namespace

Result<void> run_redis_demo(const DemoOptions& options, const WorkFolder& folder,
                            Recording& recording, const std::atomic<bool>& stop) {
  const auto redis = RedisProcess::start(folder);
  if (!redis) return fail(redis.error());
  auto jobs = RedisJobs::start(folder, redis->address());
  if (!jobs) return fail(jobs.error());
  print_beginning();
  RedisScene scene(folder, redis->address(), std::move(*jobs), recording);
  if (auto started = scene.start(stop); !started) return started;
  auto ran = RedisDemo(scene, stop).run(options.duration);
  const RedisSummary summary = summarise_redis(recording.lines());
  fmt::print("{}", render(summary));
  std::fflush(stdout);
  if (!ran || summary.jobs_in == summary.jobs_done) return ran;
  return fail(Errc::kUnavailable, "{} jobs came in, {} are done", summary.jobs_in,
              summary.jobs_done);
}

}  // namespace leadline
