// Handwritten fakes of the sidecar's seams: time that the test moves, and an engine whose answers
// are fields. They remember what they were asked.

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/reading.h"
#include "sidecar/engine_client.h"
#include "sidecar/scrape_outcome.h"
#include "sidecar/timers.h"

namespace leadline::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Clock and timers of one imagined machine. Time moves only in advance().
class FakeTime final : public Timers {
 public:
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Clock clock() {
    return [this] { return now_; };
  }

  TimerId call_after(milliseconds delay, std::function<void()> work) override {
    const TimerId id = ++last_;
    pending_.emplace(std::pair{now_.steady + delay, id}, std::move(work));
    return id;
  }

  void cancel(TimerId timer) override {
    std::erase_if(pending_, [timer](const auto& one) { return one.first.second == timer; });
  }

  // Runs what becomes due, in order, each at its time.
  void advance(milliseconds span) {
    const SteadyTime end = now_.steady + span;
    while (!pending_.empty() && pending_.begin()->first.first <= end) {
      auto next = pending_.extract(pending_.begin());
      move_to(std::max(now_.steady, next.key().first));
      next.mapped()();
    }
    move_to(end);
  }

  // The process was stopped: time passed and no timer ran.
  void freeze(milliseconds span) { move_to(now_.steady + span); }

  [[nodiscard]] std::size_t pending() const { return pending_.size(); }

 private:
  void move_to(SteadyTime to) {
    now_.wall += std::chrono::duration_cast<WallTime::duration>(to - now_.steady);
    now_.steady = to;
  }

  Instant now_{SteadyTime(seconds(1000)), WallTime(seconds(1'700'000'000))};
  TimerId last_ = 0;
  std::map<std::pair<SteadyTime, TimerId>, std::function<void()>> pending_;
};

inline HttpAnswer page_answer(std::string body, std::string content_type = "text/plain",
                              int status = 200) {
  HttpAnswer answer;
  answer.status = status;
  answer.content_type = std::move(content_type);
  answer.body = std::move(body);
  return answer;
}

inline HttpResult failure_of(HttpFailure failure) {
  return tl::unexpected<HttpError>(
      {failure, {Errc::kUnavailable, std::string(failure_name(failure))}});
}

// Answers by "host:port/path"; what is not set is refused. Answers come `takes` later.
class FakeEngine final : public EngineClient {
 public:
  explicit FakeEngine(FakeTime& time) : time_(time) {}

  void get(const HttpUrl& url, const std::string& bearer,
           std::function<void(HttpResult)> done) override {
    const std::string where = authority(url) + url.path;
    asked.push_back(where);
    bearers.push_back(bearer);
    const auto found = answers.find(where);
    HttpResult result = found != answers.end() ? found->second : failure_of(HttpFailure::kRefused);
    if (!result && result.error().failure == HttpFailure::kTimeout) {
      time_.call_after(seconds(4), [done, result] { done(result); });
    } else {
      time_.call_after(takes, [done, result] { done(result); });
    }
  }

  std::map<std::string, HttpResult> answers;
  milliseconds takes{2};
  std::vector<std::string> asked;
  std::vector<std::string> bearers;

 private:
  FakeTime& time_;
};

// A small page of a named engine, as a dialect would read it.
inline EngineReading reading_of(const std::string& engine, double queue, double finished = 0) {
  EngineReading reading;
  reading.engine = engine;
  SeriesReading series;
  series.model = "m";
  gauge(series, Gauge::kQueueDepth) = queue;
  gauge(series, Gauge::kRunningRequests) = 1;
  series.counters[index_of(Counter::kFinishedRequests)].push_back({1, finished});
  reading.series.push_back(std::move(series));
  return reading;
}

inline ScrapeOutcome good_scrape(EngineReading reading, Instant at) {
  ScrapeOutcome outcome;
  outcome.result = ScrapeResult::kOk;
  outcome.engine = reading.engine;
  outcome.reading = std::move(reading);
  outcome.started = at;
  return outcome;
}

inline ScrapeOutcome failed_scrape(ScrapeResult result, Instant at, std::string engine = "") {
  ScrapeOutcome outcome;
  outcome.result = result;
  outcome.why = "the test says so";
  outcome.engine = std::move(engine);
  outcome.started = at;
  return outcome;
}

// A vLLM page as small as detection and dialect allow.
inline std::string vllm_page(double queue, double finished = 0) {
  const std::string labels = R"({engine="0",model_name="m"})";
  return "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running" + labels + " 1\n" +
         "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting" + labels + " " +
         std::to_string(queue) + "\n# TYPE vllm:request_success_total counter\n" +
         R"(vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} )" +
         std::to_string(finished) + "\n";
}

}  // namespace leadline::test
