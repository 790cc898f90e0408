// gRPC's own lines, put into our log. A stranger can make it say one at each connection, so that
// only the first of ten seconds is written, with how many were left out.

#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace leadline {

// Thread-safe.
class KedaLogLimit {
 public:
  static constexpr std::chrono::seconds kPeriod{10};

  // How many lines were left out before this one; nullopt where this one is.
  [[nodiscard]] std::optional<std::uint64_t> due(SteadyTime now);

 private:
  std::mutex mutex_;
  std::optional<SteadyTime> last_;
  std::uint64_t left_out_ = 0;
};

// From now on, for the whole process: gRPC has one log.
void log_grpc();

}  // namespace leadline
