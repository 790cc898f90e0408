// What the micro benchmarks work on.

#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>

namespace leadline {

// A page of a running vLLM 0.32.0, after load: 54 KB, 629 lines.
inline std::string recorded_page() {
  std::ifstream file(LEADLINE_SOURCE_DIR "/tests/data/expositions/live-vllm-0.32.0-after.prom",
                     std::ios::binary);
  if (!file) throw std::runtime_error("the recorded page is missing");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void count_bytes(benchmark::State& state, const std::string& page) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(page.size()));
}

}  // namespace leadline
