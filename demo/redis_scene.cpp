#include "demo/redis_scene.h"

#include <cstdio>
#include <thread>

#include "demo/local_pods.h"

namespace leadline {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kStartPatience{60};

std::string redis_config(const std::string& address) {
  return fmt::format(
      "{{servers: [{{name: main, address: \"{}\"}}], queues: [{{name: jobs, namespace: demo, "
      "server: main, kind: stream, keys: [jobs], group: workers}}]}}",
      address);
}

std::string text_of(const std::optional<std::int64_t>& jobs) {
  return jobs ? std::to_string(*jobs) : "-";
}

}  // namespace

RedisScene::RedisScene(const WorkFolder& folder, std::string redis, RedisJobs jobs,
                       Recording& recording)
    : folder_(folder),
      recording_(recording),
      redis_(std::move(redis)),
      jobs_(std::move(jobs)),
      adapter_(folder),
      workers_(folder, redis_, kJobTime),
      autoscaler_({.namespace_name = "demo", .queue = "jobs"},
                  [this](const std::string& path) { return adapter_.api().get(path); }) {}

Result<void> RedisScene::start(const std::atomic<bool>& stop) {
  const std::string pods_file = folder_.file("pods.json");
  replace_file(pods_file, pods_document("demo", "workers", {}));
  if (auto started = adapter_.start(pods_file, {"--redis", redis_config(redis_)}); !started) {
    return started;
  }
  const SteadyTime deadline = system_now().steady + kStartPatience;
  while (!stop && !waiting_) {
    const SteadyTime now = system_now().steady;
    const auto synced = autoscaler_.sync(0, 0, now);
    waiting_ = synced.waiting;
    if (now > deadline) {
      return fail(Errc::kUnavailable, "the adapter does not count the queue: {}",
                  synced.decision.scaling_active.message);
    }
    std::this_thread::sleep_for(milliseconds{50});
  }
  began_ = system_now().steady;
  record_workers();
  return {};
}

Result<void> RedisScene::push(int jobs, double per_second) {
  recording_.add({{"kind", "push"}, {"t", seconds_in()}, {"workers", workers_.running()}});
  pushing_ = true;
  return jobs_.push(jobs, per_second);
}

Result<void> RedisScene::tick(SteadyTime now) {
  workers_.tick(now);
  if (auto counted = count_jobs(); !counted) return counted;
  if (sync_.due(now)) {
    if (auto synced = sync(now); !synced) return synced;
  }
  record_workers();
  return {};
}

Result<void> RedisScene::sync(SteadyTime now) {
  const int before = workers_.wanted();
  const auto synced = autoscaler_.sync(before, workers_.staying(), now);
  waiting_ = synced.waiting;
  in_flight_ = synced.in_flight;
  nlohmann::json line = {{"kind", "sync"},
                         {"t", seconds_in()},
                         {"spec_replicas", before},
                         {"desired", synced.decision.desired},
                         {"reason", synced.decision.reason}};
  if (waiting_) line["waiting"] = *waiting_;
  if (in_flight_) line["in_flight"] = *in_flight_;
  recording_.add(std::move(line));
  tell(synced.decision, before);
  return workers_.scale_to(synced.decision.desired, now);
}

void RedisScene::tell(const Decision& decision, int before) {
  tell_problem(waiting_ && in_flight_ ? "" : decision.scaling_active.message);
  if (!decision.rescale) return;
  std::printf("%.1f s: %d -> %d workers: %s\n", seconds_in(), before, decision.desired,
              decision.reason.c_str());
}

// Where it is another one.
void RedisScene::tell_problem(const std::string& problem) {
  if (problem == std::exchange(problem_, problem)) return;
  std::printf("%.1f s: %s\n", seconds_in(),
              problem.empty() ? "the adapter answers again"
                              : ("the workers stay as they are: " + problem).c_str());
}

Result<void> RedisScene::count_jobs() {
  const auto pushed = jobs_.pushed();
  if (!pushed) return fail(pushed.error());
  if (*pushed) {
    pushing_ = false;
    jobs_in_ += **pushed;
    recording_.add({{"kind", "pushed"}, {"t", seconds_in()}, {"jobs", **pushed}});
  }
  const auto done = jobs_.newly_done();
  if (!done) return fail(done.error());
  if (*done) {
    jobs_done_ = **done;
    recording_.add({{"kind", "done"}, {"t", seconds_in()}, {"jobs", jobs_done_}});
  }
  return {};
}

void RedisScene::record_workers() {
  const std::pair<int, int> workers = {workers_.wanted(), workers_.running()};
  if (std::exchange(recorded_workers_, workers) == workers) return;
  recording_.add({{"kind", "workers"},
                  {"t", seconds_in()},
                  {"wanted", workers.first},
                  {"exists", workers.second}});
}

bool RedisScene::is_over() const {
  return !pushing_ && jobs_done_ >= jobs_in_ && workers_.running() == 0;
}

double RedisScene::seconds_in() const {
  return duration<double>(system_now().steady - began_).count();
}

std::string RedisScene::state() const {
  return fmt::format("waiting={} in_flight={} workers={}/{} done={}", text_of(waiting_),
                     text_of(in_flight_), workers_.running(), workers_.wanted(), jobs_done_);
}

}  // namespace leadline
