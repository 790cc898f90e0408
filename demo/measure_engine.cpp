#include "demo/measure_engine.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "demo/adapter_process.h"
#include "demo/dashboard.h"
#include "demo/local_pods.h"
#include "demo/terminal_view.h"

namespace leadline {
namespace {

constexpr const char* kPodName = "your-engine";

Result<ChildProcess> start_one_sidecar(const DemoOptions& options, const HpaManifest& manifest,
                                       const WorkFolder& folder) {
  return start_sidecar({.programs = program_folder(),
                        .engine_url = options.engine_url,
                        .address = loopback_address(1),
                        .namespace_name = manifest.namespace_name,
                        .pod_name = kPodName,
                        .pod_uid = kPodName,
                        .arguments = {},
                        .log_file = folder.file("sidecar.log")});
}

}  // namespace

Result<void> measure_engine(const DemoOptions& options, const HpaManifest& manifest,
                            WorkFolder& folder, const std::atomic<bool>& stop) {
  const auto sidecar = start_one_sidecar(options, manifest, folder);
  if (!sidecar) return fail(sidecar.error());
  const std::string pods_file = folder.file("pods.json");
  const ListedPod pod{
      .name = kPodName, .uid = kPodName, .address = loopback_address(1), .ready = true};
  replace_file(pods_file, pods_document(manifest.namespace_name, manifest.workload, {pod}));
  AdapterProcess adapter(folder);
  if (auto started = adapter.start(pods_file); !started) return started;

  std::printf(
      "Measuring %s; a dash is what it does not tell. The sidecar's own page: "
      "http://%s:9733/metrics\n\n",
      options.engine_url.c_str(), pod.address.c_str());
  TerminalView view(options.plain || ::isatty(STDOUT_FILENO) == 0);
  const SteadyTime begun = system_now().steady;
  while (!stop && system_now().steady - begun < options.duration) {
    Frame frame =
        read_dashboard(manifest, [&](const std::string& path) { return adapter.api().get(path); });
    frame.t = std::chrono::duration<double>(system_now().steady - begun).count();
    frame.duration = std::chrono::duration<double>(options.duration).count();
    frame.wanted = frame.existing = frame.ready = 1;
    frame.phase = "measuring";
    view.show(frame);
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
  return {};
}

}  // namespace leadline
