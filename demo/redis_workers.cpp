#include "demo/redis_workers.h"

#include <signal.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "demo/adapter_process.h"

namespace leadline {
namespace {

constexpr std::chrono::seconds kGrace{10};  // for the job in hand

}  // namespace

Result<void> RedisWorkers::scale_to(int wanted, SteadyTime now) {
  wanted_ = wanted;
  while (staying() < wanted) {
    if (auto started = start_one(); !started) return started;
  }
  while (staying() > wanted) end_newest(now);
  return {};
}

Result<void> RedisWorkers::start_one() {
  const std::string name = fmt::format("worker-{}", ++started_);
  auto process = ChildProcess::start({.program = program_folder() + "/leadline-sim",
                                      .arguments = {"worker", "--redis", redis_, "--name", name,
                                                    "--work-ms", std::to_string(work_.count())},
                                      .environment = {},
                                      .log_file = folder_.file(name + ".log")});
  if (!process) return fail(process.error().with_context("starting a worker"));
  workers_.push_back({.process = std::move(*process), .kill_at = std::nullopt});
  return {};
}

void RedisWorkers::end_newest(SteadyTime now) {
  for (Worker& worker : std::views::reverse(workers_)) {
    if (worker.kill_at) continue;
    worker.process.send_signal(SIGTERM);
    worker.kill_at = now + kGrace;
    return;
  }
}

void RedisWorkers::tick(SteadyTime now) {
  for (const Worker& worker : workers_) {
    if (worker.kill_at && now >= *worker.kill_at) worker.process.send_signal(SIGKILL);
  }
  std::erase_if(workers_, [](Worker& worker) { return !worker.process.running(); });
}

int RedisWorkers::staying() const {
  return static_cast<int>(
      std::ranges::count_if(workers_, [](const Worker& worker) { return !worker.kill_at; }));
}

}  // namespace leadline
