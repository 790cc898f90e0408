// AdapterProcess is the real leadline-adapter as a child of the demo, with a certificate and a
// token made for this run alone.

#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "demo/api_client.h"
#include "demo/child_process.h"
#include "demo/work_folder.h"

namespace leadline {

// The folder of this very program: its siblings are what the demo starts.
[[nodiscard]] std::string program_folder();

class AdapterProcess {
 public:
  explicit AdapterProcess(const WorkFolder& folder);

  // Returns once it listens. kUnavailable after 20 s. `arguments`: further flags.
  [[nodiscard]] Result<void> start(const std::string& pods_file,
                                   const std::vector<std::string>& arguments = {});

  // REQUIRES: start() succeeded.
  [[nodiscard]] ApiClient& api() { return *api_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t metrics_port() const { return metrics_port_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] std::string log_file() const { return folder_.file("adapter.log"); }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] std::string certificate_file() const { return folder_.file("adapter.crt"); }

 private:
  [[nodiscard]] Result<void> write_secrets();

  const WorkFolder& folder_;
  ChildProcess child_ = ChildProcess::none();
  std::string token_;
  std::uint16_t port_ = 0, metrics_port_ = 0;
  std::unique_ptr<ApiClient> api_;
};

}  // namespace leadline
