// Runs one program to its end and says how it ended: for binaries that refuse to start, and --once.

#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace leadline {

struct ProgramRun {
  int exit_code = -1;  // -1: it did not end in time and was killed
  std::string output;  // stdout and stderr together
};

// `name`: a binary beside this one, such as leadline-sidecar. `environment`: `NAME=value`. Throws
// where it cannot be started.
[[nodiscard]] ProgramRun run_program(const std::string& name,
                                     const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& environment = {},
                                     std::chrono::seconds patience = std::chrono::seconds{60});

}  // namespace leadline
