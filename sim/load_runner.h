// LoadRunner sends a LoadPlan's requests when they are due, whatever has become of those before
// (open loop), and balances them over the engines of the moment as a gateway does: to the one with
// the fewest of our requests outstanding.
//
// One thread and one epoll set carry every stream. All public functions may be called from any
// thread; the destructor stops. A request that nothing accepts is tried at one other engine, then
// counted refused; it is never sent late.

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/load_plan.h"
#include "sim/load_stats.h"

namespace leadline {

struct LoadRunnerOptions {
  std::string model = "llama2-70b";
  std::vector<std::string> urls;  // may be empty; replaced by set_urls or the file
  std::string urls_file;          // one URL a line, read again when it changes; empty: none
  std::size_t max_in_flight = 4096;
  std::chrono::seconds timeout{300};  // of one request
  std::chrono::milliseconds slo_ttft{2000};
};

class LoadRunner {
 public:
  // Sends nothing before start(). kBadConfig: a URL that is none.
  [[nodiscard]] static Result<std::unique_ptr<LoadRunner>> create(LoadPlan plan,
                                                                  LoadRunnerOptions options);
  ~LoadRunner();
  LoadRunner(const LoadRunner&) = delete;
  LoadRunner& operator=(const LoadRunner&) = delete;

  // REQUIRES: not started before.
  void start();

  // Sends nothing more and breaks what is in flight (counted failed); idempotent.
  void stop();

  // The engines from now on. Requests under way at others go on. kBadConfig: nothing is changed.
  [[nodiscard]] Result<void> set_urls(const std::vector<std::string>& urls);

  // True once every arrival was due and every request has ended.
  [[nodiscard]] bool finished() const;
  bool wait_finished(std::chrono::milliseconds patience);

  [[nodiscard]] LoadProgress progress();
  [[nodiscard]] std::string summary_json() const;
  [[nodiscard]] std::string records_csv() const;

 private:
  class Impl;
  explicit LoadRunner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// URLs of a file, one a line; empty lines and lines that begin with # are left out. kUnavailable.
[[nodiscard]] Result<std::vector<std::string>> read_urls_file(const std::string& path);

}  // namespace leadline
