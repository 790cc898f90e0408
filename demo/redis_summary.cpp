#include "demo/redis_summary.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

using nlohmann::json;

bool is_kind(const json& line, const char* kind) {
  return line.value("kind", "") == kind;
}

double time_of(const json& line) {
  return line.value("t", 0.0);
}

// Takes the recording line by line.
class Summariser {
 public:
  void take(const json& line) {
    if (is_kind(line, "push")) take_push(line);
    if (is_kind(line, "pushed")) summary_.jobs_in += line.value("jobs", std::int64_t{0});
    if (is_kind(line, "workers")) take_workers(line);
    if (is_kind(line, "done")) take_done(line);
  }

  [[nodiscard]] RedisSummary summary() && { return std::move(summary_); }

 private:
  void take_push(const json& line) {
    if (line.value("workers", 0) > 0) return;
    summary_.rounds.emplace_back();
    pushed_at_ = time_of(line);
  }

  void take_workers(const json& line) {
    const double now = time_of(line);
    const int exists = line.value("exists", 0);
    summary_.worker_seconds += workers_ * (now - workers_since_);
    summary_.most_workers = std::max(summary_.most_workers, exists);
    if (!summary_.rounds.empty()) {
      RedisRound& round = summary_.rounds.back();
      if (exists > 0 && !round.to_worker_s) round.to_worker_s = now - pushed_at_;
      if (exists == 0 && workers_ > 0 && round.to_done_s) round.to_zero_s = now - done_at_;
    }
    workers_ = exists;
    workers_since_ = now;
  }

  void take_done(const json& line) {
    const auto done = line.value("jobs", std::int64_t{0});
    if (done <= summary_.jobs_done) return;
    summary_.jobs_done = done;
    done_at_ = time_of(line);
    if (summary_.rounds.empty()) return;
    RedisRound& round = summary_.rounds.back();
    if (!round.to_done_s) round.to_done_s = done_at_ - pushed_at_;
  }

  RedisSummary summary_;
  double pushed_at_ = 0, done_at_ = 0;
  int workers_ = 0;
  double workers_since_ = 0;
};

// `0.20, 0.10, - s`, one a round.
std::string times(const RedisSummary& summary, std::optional<double> RedisRound::* time) {
  std::string text;
  for (const RedisRound& round : summary.rounds) {
    const std::optional<double>& seconds = round.*time;
    text += seconds ? fmt::format("{:.2f}, ", *seconds) : "-, ";
  }
  if (text.empty()) return "-";
  text.resize(text.size() - 2);
  return text + " s";
}

}  // namespace

RedisSummary summarise_redis(const std::vector<json>& recording) {
  Summariser summariser;
  for (const json& line : recording) summariser.take(line);
  return std::move(summariser).summary();
}

std::string render(const RedisSummary& summary) {
  std::string text = "\nSummary\n";
  const auto row = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<34}{}\n", name, value);
  };
  row("jobs in, jobs done", fmt::format("{}, {}", summary.jobs_in, summary.jobs_done));
  row("from zero: push to first worker", times(summary, &RedisRound::to_worker_s));
  row("from zero: push to first job done", times(summary, &RedisRound::to_done_s));
  row("last job done to zero workers", times(summary, &RedisRound::to_zero_s));
  row("workers at most", fmt::format("{}", summary.most_workers));
  row("worker-seconds", fmt::format("{:.0f}", summary.worker_seconds));
  return text;
}

}  // namespace leadline
