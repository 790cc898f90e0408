#include "demo/redis_jobs.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "demo/adapter_process.h"

namespace leadline {
namespace {

constexpr const char* kCounterLog = "done.log";

// The number that `text` begins with.
std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

Result<ChildProcess> start_sim(std::vector<std::string> arguments, const std::string& log_file) {
  return ChildProcess::start({.program = program_folder() + "/leadline-sim",
                              .arguments = std::move(arguments),
                              .environment = {},
                              .log_file = log_file});
}

}  // namespace

RedisJobs::RedisJobs(const WorkFolder& folder, std::string redis, ChildProcess counter)
    : folder_(&folder),
      redis_(std::move(redis)),
      counter_(std::move(counter)),
      counts_(folder.file(kCounterLog)) {}

Result<RedisJobs> RedisJobs::start(const WorkFolder& folder, const std::string& redis) {
  auto counter =
      start_sim({"done", "--redis", redis, "--every-ms", "20"}, folder.file(kCounterLog));
  if (!counter) return fail(counter.error());
  return RedisJobs(folder, redis, std::move(*counter));
}

std::string RedisJobs::push_log() const {
  return folder_->file(fmt::format("jobs-{}.log", pushes_));
}

Result<void> RedisJobs::push(int jobs, double per_second) {
  ++pushes_;
  auto pusher = start_sim({"jobs", "--redis", redis_, "--count", std::to_string(jobs),
                           "--per-second", fmt::format("{}", per_second)},
                          push_log());
  if (!pusher) return fail(pusher.error());
  pusher_ = std::move(*pusher);
  pushing_ = true;
  return {};
}

Result<std::optional<int>> RedisJobs::pushed() {
  if (!pushing_ || pusher_.running()) return std::nullopt;
  pushing_ = false;
  const auto added = pusher_.wait_for("added ", system_now, SteadyTime());
  if (!added) return fail(added.error());
  return number_in(*added);
}

Result<std::optional<int>> RedisJobs::newly_done() {
  const bool counting = counter_.running();
  std::optional<int> done;
  for (const std::string& line : counts_.new_lines()) {
    if (line.starts_with("done ")) done = number_in(std::string_view(line).substr(5));
  }
  if (!done && !counting) return fail(Errc::kUnavailable, "nobody counts the jobs done any more");
  return done;
}

}  // namespace leadline
