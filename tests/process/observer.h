// Observer asks everything that serves values, ten times a second, from threads of its own, and
// keeps every answer: what a test later holds against the truth is what users would have seen
// meanwhile.
//
// Use: ask()/watch(), begin(), … the fault …, end(), answers(). Bounded by the test's length.

#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "tests/process/rig.h"

namespace leadline {

struct Item {
  std::string pod;  // empty: the workload's
  double value = 0;
  std::optional<WallTime> sampled;  // at the latest; nullopt where the answer does not say
  std::optional<double> coverage;   // where the answer says it
};

struct Answer {
  std::string source;  // "object v1beta2", "sidecar /metrics of pod-1"
  Instant asked{}, answered{};
  int status = 0;       // 0: nobody answered in time
  std::string message;  // of a Status
  std::vector<Item> items;

  // The value of `pod`; nullopt where it has none. "" is the workload.
  [[nodiscard]] std::optional<Item> of(const std::string& pod) const;
};

class Observer {
 public:
  // All references outlive it.
  explicit Observer(const Rig& rig) : rig_(rig) {}
  ~Observer() { end(); }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // Asks the adapter for `path`.
  void ask(const std::string& source, const std::string& path);
  // Asks every kind of answer of the metrics APIs for `metric`, and each of `pods` alone.
  void ask_everything(const std::string& metric, const std::vector<std::string>& pods);
  // Asks the pod's sidecar for /metrics and /snapshot: queue_depth.
  void watch(const Rig::Pod& pod);

  void begin();
  void end();

  // Answers so far.
  [[nodiscard]] std::size_t count();

  // REQUIRES: ended.
  [[nodiscard]] const std::vector<Answer>& answers() const { return answers_; }

 private:
  struct Question {
    std::string source, path;
  };
  void keep(Answer answer);
  void ask_api(std::size_t first);
  void ask_sidecar(const Rig::Pod& pod);
  void every_tenth(const std::function<void()>& round) const;

  const Rig& rig_;
  std::vector<Question> questions_;
  std::vector<const Rig::Pod*> sidecars_;
  std::atomic<bool> running_ = false;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<Answer> answers_;
};

// What the metrics API answered, read as a client reads it.
[[nodiscard]] Answer read_api_answer(const ApiAnswer& answer);

}  // namespace leadline
