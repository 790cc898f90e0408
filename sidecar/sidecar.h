// Sidecar is where the parts meet: everything that one process owns, built in order on one loop.
// The loop's thread only.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "daemon/event_loop.h"
#include "sidecar/config.h"

namespace leadline {

class Sidecar {
 public:
  Sidecar(EventLoop& loop, SidecarConfig config);
  ~Sidecar();
  Sidecar(const Sidecar&) = delete;
  Sidecar& operator=(const Sidecar&) = delete;

  // Listens, and begins to look for the engine. kBadConfig or kUnavailable: it cannot listen.
  [[nodiscard]] Result<void> start();

  // Where it listens. REQUIRES: started.
  [[nodiscard]] std::uint16_t port() const;

  // Drains: no more scrapes, parked polls answered at once, no new connections. Calls `done` when
  // all is answered, at latest after the configured grace. REQUIRES: started; called once.
  void drain(std::function<void()> done);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Serves until SIGTERM or SIGINT, then drains; a second signal ends it at once. Answers the exit
// status: kExitBadConfig or kExitUnavailable where it cannot listen.
[[nodiscard]] int run_sidecar(const SidecarConfig& config);

}  // namespace leadline
