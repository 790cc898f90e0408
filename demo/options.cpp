#include "demo/options.h"

#include <CLI/CLI.hpp>

namespace leadline {
namespace {

constexpr const char* kAbout =
    "Leadline demo: stand-in engines with real sidecars, the real adapter, a real trace as load, "
    "and a\n"
    "local autoscaler that reads only the adapter's API and decides as the HPA controller does.\n"
    "With --cluster the HPA controller itself decides, in a real control plane on this machine.\n"
    "With --redis: jobs in a real Redis instead, and stand-in workers from zero and back.";

constexpr int kRedisDurationSeconds = 65;

// CLI11 prints durations badly, so they are read as numbers and converted here.
struct RawNumbers {
  int duration_s = 150;
  int sync_period_ms = 5'000;
  int startup_delay_ms = 6'000;
};

void declare(CLI::App& app, DemoOptions& options, RawNumbers& numbers) {
  app.set_version_flag("--version", "leadline-demo " LEADLINE_VERSION);
  auto* cluster = app.add_flag(
      "--cluster", options.cluster,
      "a real etcd, kube-apiserver and kube-controller-manager instead of the local autoscaler: "
      "the pods are a Deployment's, the adapter is installed by manifests/base, and the lines of "
      "`kubectl get hpa -w` are shown beside. `./dev demo --cluster` builds what it needs (ten "
      "minutes, once a machine)");
  app.add_option("--manifest", options.manifest, "autoscaling/v2 HPA to scale with")
      ->capture_default_str();
  app.add_option(
      "--trace", options.trace,
      "request trace to replay, in Azure's CSV format (default: an excerpt that is built in)");
  app.add_option("--engine", options.engine_url,
                 "measure this engine instead of stand-ins (URL); no load, no scaling")
      ->excludes(cluster);
  app.add_option("--record", options.record_file,
                 "write everything seen and decided, a JSON a line");
  app.add_flag("--plain", options.plain, "a line a second instead of the live view");
  app.add_flag("--hold", options.hold, "stay up afterwards; print kubectl and curl lines to try");
  app.add_flag("--no-load", options.no_load, "leave the load off");
  app.add_option("--duration-s", numbers.duration_s, "how long the load lasts, in seconds")
      ->capture_default_str()
      ->check(CLI::Range(5, 3600));
  app.add_option("--sync-period-ms", numbers.sync_period_ms, "time between two decisions")
      ->capture_default_str()
      ->check(CLI::Range(500, 60'000));
  app.add_option("--startup-delay-ms", numbers.startup_delay_ms,
                 "how long a stand-in engine takes to start (a real one: 60 s and more)")
      ->capture_default_str()
      ->check(CLI::Range(0, 120'000));
  app.add_option("--scrape-interval-ms", options.scrape_interval_ms,
                 "fixed scrape interval of the sidecars; 0 = adaptive")
      ->excludes(cluster)
      ->capture_default_str()
      ->check(CLI::Range(0, 5'000));
  auto* redis = app.add_flag(
      "--redis", options.redis,
      "jobs pushed to a real redis-server, and workers that are scaled on its queue, with the "
      "arithmetic of an HPA that scales to zero; a line a second. --duration-s is about how long "
      "it all takes then, 65 by default");
  for (const char* other : {"--cluster", "--manifest", "--trace", "--engine", "--hold", "--no-load",
                            "--sync-period-ms", "--startup-delay-ms", "--scrape-interval-ms"}) {
    redis->excludes(app.get_option(other));
  }
}

}  // namespace

std::optional<DemoOptions> parse_options(int argc, char** argv, int& exit_code) {
  CLI::App app(kAbout, "leadline-demo");
  DemoOptions options;
  RawNumbers numbers;
  declare(app, options, numbers);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  if (options.redis && app.count("--duration-s") == 0) numbers.duration_s = kRedisDurationSeconds;
  options.duration = std::chrono::seconds{numbers.duration_s};
  options.sync_period = std::chrono::milliseconds{numbers.sync_period_ms};
  options.startup_delay = std::chrono::milliseconds{numbers.startup_delay_ms};
  return options;
}

}  // namespace leadline
