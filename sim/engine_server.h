// EngineServer is the stand-in engine as a network sees it: vLLM's API, the /metrics of the engine
// that it passes for (sim/engine_page.h; vLLM's unless told), and /sim/* for tests (faults, marks,
// the exact truth). Built on cpp-httplib; for loopback and trusted test networks only.
//
//   POST /v1/completions, /v1/chat/completions   GET /v1/models, /version, /health, /metrics
//   GET|POST /sim/faults (faults.h)   POST /sim/mark, GET /sim/state (state_json.h)
//
// start() returns once the port accepts; all functions may be called from any thread. Used by
// `leadline-sim engine` and, in process, by tests and the demo.

#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "sim/batching.h"
#include "sim/engine_host.h"
#include "sim/faults.h"

namespace leadline {

struct EngineServerConfig {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: the kernel picks
  std::string model = "llama2-70b";
  BatchingConfig batching;
  Faults faults;
  // How long everything but /sim/* answers 503, as behind a front end that is up before its engine.
  std::chrono::milliseconds loading{0};
};

class EngineServer {
 public:
  // kBadConfig: a value out of range; kUnavailable: the address cannot be bound.
  [[nodiscard]] static Result<std::unique_ptr<EngineServer>> start(EngineServerConfig config,
                                                                   PerfModel perf);
  ~EngineServer();
  EngineServer(const EngineServer&) = delete;
  EngineServer& operator=(const EngineServer&) = delete;

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string url() const;
  [[nodiscard]] EngineHost& host();

  // Refuses new requests (503) and waits until those inside have ended. False when `patience` was
  // not enough.
  bool drain(std::chrono::milliseconds patience);

  // Breaks what is left and closes; idempotent. An idle keep-alive connection delays it by up to
  // 5 s, the library's time to notice.
  void stop();

 private:
  class Impl;
  explicit EngineServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
