// The demo's command line.

#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace leadline {

struct DemoOptions {
  std::string manifest = "manifests/examples/hpa-in-flight.yaml";
  std::string trace;       // empty: the excerpt inside the program
  std::string engine_url;  // measure this engine instead of stand-ins; empty = the fleet
  std::string record_file;
  bool cluster = false;  // a real control plane decides
  bool redis = false;    // jobs in a Redis instead of engines
  bool plain = false;
  bool hold = false;
  bool no_load = false;
  std::chrono::seconds duration{
      150};  // of the load; with --engine, of the look; with --redis, of all
  std::chrono::milliseconds sync_period{5'000};
  std::chrono::milliseconds startup_delay{6'000};
  int scrape_interval_ms = 0;  // 0: the sidecar's own adaptive interval
};

// nullopt after --help, --version or an error that was printed; `exit_code` then says which.
[[nodiscard]] std::optional<DemoOptions> parse_options(int argc, char** argv, int& exit_code);

}  // namespace leadline
