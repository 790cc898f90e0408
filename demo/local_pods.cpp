#include "demo/local_pods.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;

constexpr int kSidecarPort = 9733;

}  // namespace

std::string loopback_address(int number) {
  const int id = static_cast<int>(::getpid());
  return fmt::format("127.{}.{}.{}", 64 + id / 250 % 64, 1 + id % 250, 1 + number % 250);
}

Result<ChildProcess> start_sidecar(const SidecarOptions& options) {
  std::vector<std::string> arguments = {"--engine-url",     options.engine_url,
                                        "--listen-address", options.address,
                                        "--listen-port",    std::to_string(kSidecarPort),
                                        "--pod-namespace",  options.namespace_name,
                                        "--pod-name",       options.pod_name,
                                        "--pod-uid",        options.pod_uid};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  return ChildProcess::start({.program = options.programs + "/leadline-sidecar",
                              .arguments = std::move(arguments),
                              .environment = {},
                              .log_file = options.log_file});
}

std::string pods_document(const std::string& namespace_name, const std::string& workload,
                          const std::vector<ListedPod>& pods) {
  json list = json::array();
  for (const ListedPod& pod : pods) {
    list.push_back(
        {{"namespace", namespace_name},
         {"name", pod.name},
         {"uid", pod.uid},
         {"ip", pod.address},
         {"port", kSidecarPort},
         {"node", "local"},
         {"ready", pod.ready},
         {"deleting", pod.deleting},
         {"labels", {{"app", workload}}},
         {"owner", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", workload}}}});
  }
  return json{{"pods", list}, {"objects", json::array()}}.dump(2) + "\n";
}

void replace_file(const std::string& path, const std::string& text) {
  const std::string next = path + ".next";
  std::ofstream(next, std::ios::trunc) << text;
  std::rename(next.c_str(), path.c_str());
}

}  // namespace leadline
