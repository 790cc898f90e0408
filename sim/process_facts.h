// What the kernel says of this process: the `process_*` families that every Python engine prints.
// Linux only (/proc/self). Callable from any thread.

#pragma once

namespace leadline {

struct ProcessFacts {
  double virtual_bytes = 0;
  double resident_bytes = 0;
  double cpu_seconds = 0;
  double open_fds = 0;
  double max_fds = 0;
};

[[nodiscard]] ProcessFacts read_process_facts();

}  // namespace leadline
