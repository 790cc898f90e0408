// Adapter is the whole process, composed: a loop that collects, a loop that serves the metrics API
// over TLS, a loop that does the handshakes of its newcomers, and the caller's loop for self
// metrics, health, stop signals and KEDA's streams. Whoever answers reads the view that collecting
// publishes; KEDA's calls do so on gRPC's own threads.
//
// Life: start(), then run the loop that was given; stop() from that loop drains and calls
// `stopped`.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "adapter/config.h"
#include "base/result.h"
#include "daemon/event_loop.h"

namespace leadline {

class Adapter {
 public:
  // Listens and begins to collect. `loop` is the caller's, outlives it and is not running yet.
  // kBadConfig, kBadInput, kNotFound, kUnavailable: what cannot be read, or an address that is
  // taken.
  [[nodiscard]] static Result<std::unique_ptr<Adapter>> start(const AdapterConfig& config,
                                                              EventLoop& loop);
  ~Adapter();
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  // The ports that were really taken.
  [[nodiscard]] std::uint16_t api_port() const;
  [[nodiscard]] std::uint16_t metrics_port() const;
  [[nodiscard]] std::optional<std::uint16_t> keda_port() const;  // nullopt: KEDA is not served

  // What a client must trust, PEM.
  [[nodiscard]] std::string certificate() const;

  // Not ready from now on; answers for the shutdown delay, drains, then calls `stopped` on the
  // caller's loop. A second call stops without waiting.
  void stop(std::function<void()> stopped);

 private:
  struct Parts;
  explicit Adapter(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The daemon: runs until SIGTERM or SIGINT. Answers the exit code.
[[nodiscard]] int run_adapter(const AdapterConfig& config);

}  // namespace leadline
