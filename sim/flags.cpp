#include <set>

#include <CLI/CLI.hpp>

#include "sim/commands.h"
#include "sim/engine_page.h"

namespace leadline {
namespace {

void add_engine_flags(CLI::App& app, EngineCommand& command) {
  EngineServerConfig& server = command.server;
  BatchingConfig& batching = server.batching;
  app.add_option("--address", server.address, "Address to listen on");
  app.add_option("--port", server.port, "Port; 0 picks one and prints it");
  app.add_option("--model", server.model, "Served model name");
  app.add_option("--max-num-seqs", batching.max_num_seqs, "Sequences in one batch");
  app.add_option("--kv-blocks", batching.kv_blocks, "KV memory in blocks of 16 tokens");
  app.add_option("--max-model-len", batching.max_model_len, "Longest prompt plus answer, tokens");
  app.add_option("--max-num-batched-tokens", batching.max_batched_tokens,
                 "Prompt tokens prefilled in one step");
  app.add_option("--max-queued", batching.max_queued,
                 "Refuse with 503 from this many requests on (0: never)");
  app.add_option("--speed", batching.speed, "Divides step times; for tests only");
  app.add_option("--table-model", command.rows.model, "Rows of the table: model");
  app.add_option("--hardware", command.rows.hardware, "Rows of the table: hardware");
  app.add_option("--tensor-parallel", command.rows.tensor_parallel, "Rows of the table: GPUs");
  app.add_option("--perf-model", command.perf_model, "CSV file instead of the table inside");
  app.add_option("--startup-delay-ms", command.startup_delay_ms, "How long the model loads");
  app.add_option("--startup-mode", command.startup_mode,
                 "While loading: `refuse` listens not yet, as vLLM; `503` answers so")
      ->check(CLI::IsMember({"refuse", "503"}));
  app.add_option("--drain-seconds", command.drain_seconds,
                 "After SIGTERM, how long requests inside may take to end");
}

void add_fault_flags(CLI::App& app, Faults& faults) {
  app.add_option("--slow-page-ms", faults.slow_page_ms, "/metrics answers this late");
  app.add_option("--page-status", faults.page_status, "/metrics answers with this status");
  app.add_flag("--garbage-page", faults.garbage_page, "/metrics is no exposition");
  app.add_option("--truncate-page", faults.truncate_page, "/metrics ends after these bytes");
  app.add_option("--cut-page", faults.cut_page, "/metrics breaks off after these bytes");
  app.add_option("--page-bytes", faults.page_bytes, "Pad /metrics to this size");
  app.add_option("--huge-label-bytes", faults.huge_label_bytes, "One label of this size");
  app.add_option("--content-type", faults.content_type, "Content-Type of /metrics");
  app.add_option("--page-model-name", faults.model_name, "What the page calls the model");
  std::set<std::string> pages = {"other"};
  for (const EnginePage& page : engine_pages()) pages.emplace(page.engine);
  app.add_option("--page,--become", faults.become,
                 "Whose page /metrics is; `other`: that of an engine nobody knows")
      ->check(CLI::IsMember(pages));
  app.add_flag("--hang", faults.hang, "Accept, never answer");
  app.add_flag("--freeze", faults.freeze, "Start no step");
}

void add_load_flags(CLI::App& app, LoadCommand& command) {
  app.add_option("--trace", command.trace,
                 "CSV: TIMESTAMP,ContextTokens,GeneratedTokens; without it the excerpt inside");
  app.add_option("--url", command.urls, "Engines: URL[,URL...]");
  app.add_option("--urls-file", command.runner.urls_file,
                 "File with one URL a line, read again when it changes");
  app.add_option("--model", command.runner.model, "Model to ask for");
  app.add_flag("--demo", command.demo, "The demo's plan: 150 s, lull, burst, lull");
  app.add_option("--start", command.start_seconds, "Where in the trace to begin, seconds");
  app.add_option("--duration", command.duration_seconds, "Seconds; 0: the trace's length");
  app.add_option("--superpose", command.options.copies, "Copies of the trace, each shifted");
  app.add_option("--keep-every", command.options.keep_every, "Thin: keep every n-th request");
  app.add_option("--burst", command.bursts, "AT:DURATION:COPIES in seconds: further copies");
  app.add_option("--max-in-flight", command.runner.max_in_flight, "Beyond it requests are dropped");
  app.add_option("--timeout", command.timeout_seconds, "Of one request, seconds");
  app.add_option("--slo-ttft-ms", command.slo_ttft_ms, "Bound of the SLO share");
  app.add_option("--record", command.record, "Write one CSV row per request here");
}

void add_worker_flags(CLI::App& app, WorkerOptions& options) {
  app.add_option("--redis", options.redis, "HOST:PORT")->capture_default_str();
  app.add_option("--stream", options.stream, "Where the jobs lie")->capture_default_str();
  app.add_option("--group", options.group, "Made where it is missing")->capture_default_str();
  app.add_option("--name", options.name, "Of this consumer; without it one by process ID");
  app.add_option("--work-ms", options.work_ms, "How long a job takes")
      ->check(CLI::Range(0, 3'600'000))
      ->capture_default_str();
  app.add_option("--prefetch", options.prefetch, "Jobs taken at once, done one by one")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--claim-after-ms", options.claim_after_ms,
                 "A job idle for so long was left by a worker that died")
      ->check(CLI::Range(1, 3'600'000))
      ->capture_default_str();
}

void add_jobs_flags(CLI::App& app, JobsOptions& options) {
  app.add_option("--redis", options.redis, "HOST:PORT")->capture_default_str();
  app.add_option("--stream", options.stream, "Where to add them")->capture_default_str();
  app.add_option("--count", options.count, "How many")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--per-second", options.per_second, "How fast; 0: all at once")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
}

void add_done_flags(CLI::App& app, DoneOptions& options) {
  app.add_option("--redis", options.redis, "HOST:PORT")->capture_default_str();
  app.add_option("--stream", options.stream, "Where the jobs lay")->capture_default_str();
  app.add_option("--every-ms", options.every_ms,
                 "Count again after so long, and say it where it changed; 0: once")
      ->check(CLI::Range(0, 3'600'000))
      ->capture_default_str();
}

}  // namespace

int run_sim(int argc, char** argv) {
  CLI::App app{"leadline-sim: stand-ins for an engine, its load, a queue's worker and its jobs"};
  app.set_version_flag("--version", LEADLINE_VERSION);
  app.require_subcommand(1);
  EngineCommand engine;
  LoadCommand load;
  CLI::App* engine_app =
      app.add_subcommand("engine", "Serve as an engine would, on measured times");
  add_engine_flags(*engine_app, engine);
  add_fault_flags(*engine_app, engine.server.faults);
  CLI::App* load_app = app.add_subcommand("load", "Replay a trace, open loop, in real time");
  add_load_flags(*load_app, load);
  WorkerOptions worker;
  CLI::App* worker_app = app.add_subcommand("worker", "Do the jobs of a Redis stream");
  add_worker_flags(*worker_app, worker);
  JobsOptions jobs;
  CLI::App* jobs_app = app.add_subcommand("jobs", "Add jobs to a Redis stream");
  add_jobs_flags(*jobs_app, jobs);
  DoneOptions done;
  CLI::App* done_app = app.add_subcommand("done", "Say how many jobs of a Redis stream are done");
  add_done_flags(*done_app, done);
  CLI11_PARSE(app, argc, argv);
  if (worker_app->parsed()) return run_worker(std::move(worker));
  if (jobs_app->parsed()) return run_jobs(jobs);
  if (done_app->parsed()) return run_done(done);
  return engine_app->parsed() ? run_engine(std::move(engine)) : run_load(std::move(load));
}

}  // namespace leadline
