// MeasuredAdapter is the real leadline-adapter, as a process of its own that has heard every pod of
// a list. One thread.

#pragma once

#include <string>

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

// What programs that fail in the middle do: says why and ends with 1.
int report_failure(const char* program, const std::exception& error);

}  // namespace leadline::bench
