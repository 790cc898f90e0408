#include "bench/parts/process_usage.h"

#include <time.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "base/clock.h"

namespace leadline::bench {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(system_now().steady.time_since_epoch()).count();
}

}  // namespace

double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    throw std::runtime_error(fmt::format("process {} is gone", pid));
  }
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

MemoryUse memory_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  MemoryUse memory;
  std::string word;
  std::size_t kilobytes = 0;
  while (file >> word) {
    if (word == "Rss:" && file >> kilobytes) memory.resident = kilobytes * 1024;
    if (word == "Anonymous:" && file >> kilobytes) memory.anonymous = kilobytes * 1024;
  }
  if (memory.resident == 0) throw std::runtime_error(fmt::format("process {} is gone", pid));
  return memory;
}

CpuMeter::CpuMeter(pid_t pid)
    : pid_(pid), cpu_before_(cpu_seconds(pid)), begun_(steady_seconds()) {}

double CpuMeter::cpu() const {
  return cpu_seconds(pid_) - cpu_before_;
}

double CpuMeter::elapsed() const {
  return steady_seconds() - begun_;
}

}  // namespace leadline::bench
