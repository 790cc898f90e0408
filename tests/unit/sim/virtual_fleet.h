// VirtualFleet runs several BatchingEngines in virtual time behind a least-outstanding balancer,
// with an optional scaler that follows the HPA's formula. Deterministic, no clocks: 150 s take
// milliseconds. Used by the tests that hold the demo's figures.

#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sim/batching.h"
#include "sim/load_plan.h"

namespace leadline {

struct FleetScaling {
  double goal = 0;  // 0: the size never changes
  int min_replicas = 1;
  int max_replicas = 8;
  std::chrono::nanoseconds startup = std::chrono::seconds(8);
  std::chrono::nanoseconds stabilization = std::chrono::seconds(15);
};

struct FleetSecond {
  int in_flight = 0;
  int waiting = 0;
  int ready = 0;
  int desired = 0;
};

class VirtualFleet {
 public:
  VirtualFleet(const BatchingConfig& config, const PerfModel& perf, int replicas,
               FleetScaling scaling = {})
      : config_(config), perf_(perf), scaling_(scaling) {
    for (int i = 0; i < replicas; ++i) add_engine(SteadyTime{});
    desired_ = replicas;
  }

  // One entry per second of the plan.
  std::vector<FleetSecond> run(const LoadPlan& plan) {
    std::vector<FleetSecond> seconds;
    std::size_t next = 0;
    for (SteadyTime now{}; now.time_since_epoch() < plan.duration; now += std::chrono::seconds(1)) {
      const SteadyTime end = now + std::chrono::seconds(1);
      for (; next < plan.arrivals.size() && SteadyTime{} + plan.arrivals[next].at < end; ++next) {
        send(plan.arrivals[next]);
      }
      for (const auto& engine : engines_) advance(*engine, end);
      std::erase_if(engines_, [](const auto& e) { return e->leaving && outstanding(*e) == 0; });
      scale(end);
      seconds.push_back(look(end));
    }
    return seconds;
  }

  [[nodiscard]] const std::vector<double>& ttfts() const { return ttfts_; }

 private:
  struct Engine {
    BatchingEngine core;
    SteadyTime ready_at;
    std::optional<SteadyTime> step_end;
    bool leaving = false;
    std::map<RequestId, SteadyTime> unstarted;
  };

  static int outstanding(const Engine& e) { return e.core.waiting() + e.core.running(); }

  void add_engine(SteadyTime ready_at) {
    engines_.push_back(std::make_unique<Engine>(
        Engine{BatchingEngine(config_, perf_), ready_at, std::nullopt, false, {}}));
  }

  void send(const Arrival& arrival) {
    const SteadyTime now = SteadyTime{} + arrival.at;
    Engine* best = nullptr;
    for (const auto& engine : engines_) {
      if (engine->leaving || engine->ready_at > now) continue;
      advance(*engine, now);
      if (best == nullptr || outstanding(*engine) < outstanding(*best)) best = engine.get();
    }
    best->core.enqueue({++last_id_, arrival.prompt_tokens, arrival.generation_tokens}, now);
    best->unstarted[last_id_] = now;
    if (!best->step_end) begin(*best, now);
  }

  static void begin(Engine& engine, SteadyTime now) {
    const auto duration = engine.core.begin_step(now);
    engine.step_end = duration ? std::optional(now + *duration) : std::nullopt;
  }

  void advance(Engine& engine, SteadyTime until) {
    while (engine.step_end && *engine.step_end <= until) {
      const SteadyTime now = *engine.step_end;
      for (const TokenEvent& event : engine.core.finish_step(now)) {
        const auto at = engine.unstarted.find(event.id);
        if (at == engine.unstarted.end()) continue;
        ttfts_.push_back(std::chrono::duration<double>(now - at->second).count());
        engine.unstarted.erase(at);
      }
      begin(engine, now);
    }
  }

  // ceil(in flight / goal) outside a tolerance of 10 %; downwards the highest of the last 15 s.
  void scale(SteadyTime now) {
    if (scaling_.goal <= 0) return;
    const FleetSecond seen = look(now);
    const double ratio = seen.in_flight / (scaling_.goal * desired_);
    int wanted = desired_;
    if (std::abs(ratio - 1) > .1)
      wanted = static_cast<int>(std::ceil(seen.in_flight / scaling_.goal));
    wanted = std::clamp(wanted, scaling_.min_replicas, scaling_.max_replicas);
    wanted_.push_back({now, wanted});
    while (wanted_.front().first < now - scaling_.stabilization) wanted_.pop_front();
    int held = wanted;
    for (const auto& [at, count] : wanted_) held = std::max(held, count);
    const int next = std::max(wanted, std::min(held, desired_));
    for (; desired_ < next; ++desired_) add_engine(now + scaling_.startup);
    for (; desired_ > next; --desired_) leave_youngest();
  }

  void leave_youngest() {
    for (auto at = engines_.rbegin(); at != engines_.rend(); ++at) {
      if ((*at)->leaving) continue;
      (*at)->leaving = true;
      return;
    }
  }

  [[nodiscard]] FleetSecond look(SteadyTime now) const {
    FleetSecond second;
    for (const auto& engine : engines_) {
      if (engine->leaving) continue;
      second.in_flight += outstanding(*engine);
      second.waiting += engine->core.waiting();
      second.ready += engine->ready_at <= now ? 1 : 0;
    }
    second.desired = desired_;
    return second;
  }

  BatchingConfig config_;
  PerfModel perf_;
  FleetScaling scaling_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::deque<std::pair<SteadyTime, int>> wanted_;
  std::vector<double> ttfts_;
  int desired_ = 0;
  RequestId last_id_ = 0;
};

}  // namespace leadline
