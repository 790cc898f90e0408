// Nginx is Debian's nginx as one process on loopback, which serves one file over TLS: the same
// bytes, certificate and header lines as the adapter's answer. What an answer costs where nothing
// has to be computed.

#pragma once

#include <string>

#include "demo/child_process.h"
#include "demo/work_folder.h"

namespace leadline::bench {

class Nginx {
 public:
  // Serves `body` at `path`, with adapter.crt and adapter.key of the folder. Throws
  // std::runtime_error where nginx is not installed or does not start.
  Nginx(const WorkFolder& folder, const std::string& path, const std::string& body);

  [[nodiscard]] std::string url() const;  // scheme, address and port
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  ChildProcess process_;
};

}  // namespace leadline::bench
