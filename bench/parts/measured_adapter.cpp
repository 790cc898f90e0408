#include "bench/parts/measured_adapter.h"

#include <httplib.h>

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "base/clock.h"
#include "bench/parts/stand_in_fleet.h"
#include "tests/required.h"

namespace leadline::bench {
namespace {

// The number behind `name` on a page of self metrics; nullopt where it is not there.
std::optional<double> number_behind(const std::string& name, const std::string& address, int port) {
  httplib::Client client(address, port);
  const auto page = client.Get("/metrics");
  const std::string line = "\n" + name + " ";
  const auto at = page ? page->body.find(line) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  return std::stod(page->body.substr(at + line.size()));
}

}  // namespace

MeasuredAdapter::MeasuredAdapter(const std::string& pods_document, int pods)
    : folder_(required(WorkFolder::make())) {
  required(folder_.write("pods.json", pods_document));
  required(process_.start(folder_.file("pods.json")));
  const SteadyTime deadline = system_now().steady + std::chrono::seconds{30};
  while (self_metric(R"(leadline_adapter_pods{state="fresh"})") < pods) {
    if (system_now().steady > deadline) throw std::runtime_error("the adapter does not hear all");
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
}

double MeasuredAdapter::self_metric(const std::string& name) const {
  return number_behind(name, "127.0.0.1", process_.metrics_port()).value_or(0);
}

std::string MeasuredAdapter::body_of(const std::string& path) {
  ApiAnswer answer = api().get(path);
  if (answer.status != 200) throw std::runtime_error(path + ": " + answer.body);
  return std::move(answer.body);
}

double sidecar_metric(const std::string& name, const std::string& address) {
  const auto number = number_behind(name, address, kSidecarPort);
  if (!number) throw std::runtime_error("the sidecar does not tell " + name);
  return *number;
}

SteadyTime wait_for_queue_depth(ApiClient& api, int waiting) {
  const std::string path =
      "/apis/custom.metrics.k8s.io/v1beta2/namespaces/bench/pods/pod-0/queue_depth";
  const std::string want = fmt::format("\"value\":\"{}\"", waiting);
  const SteadyTime deadline = system_now().steady + std::chrono::seconds{60};
  while (system_now().steady < deadline) {
    if (api.get(path).body.find(want) != std::string::npos) return system_now().steady;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  throw std::runtime_error("the change never showed: " + api.get(path).body);
}

double quantile_of(const std::vector<double>& sorted, double quantile) {
  return sorted[static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1))];
}

int report_failure(const char* program, const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.what());
  return 1;
}

}  // namespace leadline::bench
