// The sub-commands of leadline-sim: flags in, exit status out.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sim/engine_server.h"
#include "sim/load.h"
#include "sim/worker.h"

namespace leadline {

struct EngineCommand {
  EngineServerConfig server;
  PerfRows rows;
  std::string perf_model;  // a CSV file instead of the table inside
  int startup_delay_ms = 0;
  std::string startup_mode = "refuse";  // or "503"
  int drain_seconds = 30;
};

struct LoadCommand {
  std::string trace;
  std::string urls;  // comma separated
  double start_seconds = 0;
  double duration_seconds = 0;
  std::vector<std::string> bursts;
  bool demo = false;
  std::string record;
  int timeout_seconds = 300;
  int slo_ttft_ms = 2000;
  LoadOptions options;
  LoadRunnerOptions runner;
};

// Exit status: 0, or 1 after an error on stderr.
[[nodiscard]] int run_engine(EngineCommand command);
[[nodiscard]] int run_load(LoadCommand command);
[[nodiscard]] int run_worker(WorkerOptions options);
[[nodiscard]] int run_jobs(const JobsOptions& options);
[[nodiscard]] int run_done(const DoneOptions& options);

// Parses the command line and runs what it names.
[[nodiscard]] int run_sim(int argc, char** argv);

}  // namespace leadline
