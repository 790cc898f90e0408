// KedaServer is the gRPC door for KEDA: the external scaler contract, pulled and pushed, over
// mutual TLS. Thin: what it says is KedaScaler's. gRPC has its own threads, which only read the
// view, so that no call waits for anything; open streams are looked at from the loop.
//
// Life: start(); drain() from the loop; then destroy, from the loop too. Source: contracts/keda.md
// §1 (KEDA v2.21.0); gRPC 1.51 callback API.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "adapter/keda_clients.h"
#include "adapter/keda_scaler.h"
#include "adapter/keda_tls.h"
#include "adapter/self_metrics.h"
#include "base/clock.h"
#include "base/result.h"
#include "daemon/event_loop.h"

namespace leadline {

struct KedaServerOptions {
  std::string address;     // to listen at; "::" is every one
  std::uint16_t port = 0;  // 0: a free one
  KedaTls tls;
  KedaClients clients{{}};  // not asked without TLS
  Clock clock = system_now;
};

class KedaServer {
 public:
  // All references outlive it. kBadConfig: a file cannot be read or they do not fit each other;
  // kUnavailable: the address is taken.
  [[nodiscard]] static Result<std::unique_ptr<KedaServer>> start(EventLoop& loop,
                                                                 KedaScaler& scaler,
                                                                 SelfMetrics& metrics,
                                                                 KedaServerOptions options);
  ~KedaServer();
  KedaServer(const KedaServer&) = delete;
  KedaServer& operator=(const KedaServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // Something became active: open streams are looked at now. From any thread.
  void wake();

  // Ends every stream with OK, since KEDA forgets how long it last waited only then, and takes no
  // new call. Returns when calls have ended, at latest after `grace`.
  void drain(std::chrono::milliseconds grace);

 private:
  struct Parts;
  explicit KedaServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace leadline
