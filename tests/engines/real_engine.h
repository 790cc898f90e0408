// RealEngine is an inference engine that we did not write, as a process on a loopback address of
// its own: installed by tests/engines/install, started by a test, asked to end with it. One thread.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "demo/child_process.h"

namespace leadline {

struct EngineCommand {
  std::string name;     // its folder in .cache/engines
  std::string program;  // in that folder
  // `{}` stands for the engine's folder. start() adds `--host ADDRESS --port PORT`.
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // `NAME=value`
  std::string log_file;
};

class RealEngine {
 public:
  // Returns once it answers `/metrics`, which engines do when they are ready to serve. kUnavailable
  // where it is not installed, ends, or takes more than ten minutes; the message carries the end
  // of its log. Prints how long it took.
  [[nodiscard]] static Result<RealEngine> start(EngineCommand command);

  RealEngine(RealEngine&&) noexcept = default;
  RealEngine& operator=(RealEngine&&) = delete;
  // Asks it to end and waits, so that it takes its own children along; kills it after 30 s.
  ~RealEngine();

  [[nodiscard]] std::string url() const;

 private:
  RealEngine(std::string address, ChildProcess process)
      : address_(std::move(address)), process_(std::move(process)) {}
  [[nodiscard]] Result<void> wait_until_it_serves(const std::string& log_file);

  std::string address_;
  ChildProcess process_;
};

}  // namespace leadline
