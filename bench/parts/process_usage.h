// What a process has used so far, as the kernel counts it: how benchmarks compare whole programs,
// ours and others', in the same run. Throws std::runtime_error where there is no such process.

#pragma once

#include <sys/types.h>

#include <cstddef>

namespace leadline::bench {

// User + system seconds of all threads, those that ended included. Source: clock_getcpuclockid(3).
[[nodiscard]] double cpu_seconds(pid_t pid);

// Bytes in memory now. `anonymous` is what this process alone pays for; the rest of `resident` is
// mapped from files, mostly shared libraries. Source: proc(5), smaps_rollup: exact, whereas statm
// and status lag by up to 64 pages a thread.
struct MemoryUse {
  std::size_t resident = 0;
  std::size_t anonymous = 0;
};
[[nodiscard]] MemoryUse memory_of(pid_t pid);

// How busy a process was since the meter was made.
class CpuMeter {
 public:
  explicit CpuMeter(pid_t pid);

  [[nodiscard]] double cpu() const;                                 // seconds
  [[nodiscard]] double elapsed() const;                             // seconds
  [[nodiscard]] double share() const { return cpu() / elapsed(); }  // of one core

 private:
  pid_t pid_;
  double cpu_before_, begun_;
};

}  // namespace leadline::bench
