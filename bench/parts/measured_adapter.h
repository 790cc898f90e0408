// MeasuredAdapter is the real leadline-adapter, as a process of its own that has heard every pod of
// a list. One thread.

#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "demo/adapter_process.h"
#include "demo/work_folder.h"

namespace leadline::bench {

class MeasuredAdapter {
 public:
  // Returns once all `pods` of the document are fresh; throws std::runtime_error after 30 s.
  MeasuredAdapter(const std::string& pods_document, int pods);

  [[nodiscard]] ApiClient& api() { return process_.api(); }
  [[nodiscard]] const AdapterProcess& process() const { return process_; }
  [[nodiscard]] const WorkFolder& folder() const { return folder_; }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

  // The number behind `name` on its self metrics page, 0 where it is not there yet.
  [[nodiscard]] double self_metric(const std::string& name) const;

  // The body of a 200; throws std::runtime_error for anything else.
  [[nodiscard]] std::string body_of(const std::string& path);

 private:
  WorkFolder folder_;
  AdapterProcess process_{folder_};
};

// The number behind `name` on the self metrics page of the sidecar there; throws
// std::runtime_error where it is not told.
[[nodiscard]] double sidecar_metric(const std::string& name, const std::string& address);

// Asks for the queue depth of bench/pod-0 every 2 ms until `waiting` shows: the moment of that
// answer's arrival. Throws std::runtime_error after 60 s.
[[nodiscard]] SteadyTime wait_for_queue_depth(ApiClient& api, int waiting);

// REQUIRES: not empty, ascending; quantile in [0, 1].
[[nodiscard]] double quantile_of(const std::vector<double>& sorted, double quantile);

// What programs that fail in the middle do: says why and ends with 1.
int report_failure(const char* program, const std::exception& error);

}  // namespace leadline::bench
