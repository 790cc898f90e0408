// RedisProcess is a real redis-server as a child of the demo, on loopback, whose data end with it.

#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "demo/child_process.h"
#include "demo/work_folder.h"

namespace leadline {

class RedisProcess {
 public:
  // Returns once it takes connections. kUnavailable: there is none on this machine, and then what
  // to install, or it does not come up.
  [[nodiscard]] static Result<RedisProcess> start(const WorkFolder& folder);

  // HOST:PORT.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  RedisProcess(ChildProcess process, std::string address)
      : process_(std::move(process)), address_(std::move(address)) {}

  ChildProcess process_;
  std::string address_;
};

}  // namespace leadline
