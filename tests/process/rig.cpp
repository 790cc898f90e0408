#include "tests/process/rig.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/required.h"
#include "tests/text_of.h"

namespace leadline {
namespace {

using nlohmann::json;

// Rigs of parallel tests, and of one test after another, never share an address.
std::string address_of(std::size_t number) {
  static int rigs = 0;
  if (number == 0) ++rigs;
  const int id = static_cast<int>(::getpid());
  return fmt::format("127.{}.{}.{}", 128 + (id / 250 + 17 * rigs) % 120, 1 + id % 250,
                     1 + number % 250);
}

httplib::Client client_for(const std::string& address, int port) {
  httplib::Client client(address, port);
  client.set_connection_timeout(2);
  client.set_read_timeout(5);
  return client;
}

json post(const Rig::Pod& pod, const char* path, const json& body) {
  json said;
  const bool done = Rig::eventually([&] {
    auto client = client_for(pod.address, Rig::kEnginePort);
    const auto answer = client.Post(path, body.dump(), "application/json");
    if (answer && answer->status == 200) said = json::parse(answer->body, nullptr, false);
    return said.is_object();
  });
  if (!done) throw std::runtime_error(fmt::format("POST {} to {} failed", path, pod.options.name));
  return said;
}

json entry_of(const Rig::Pod& pod) {
  return {{"namespace", "demo"},
          {"name", pod.options.name},
          {"uid", pod.uid},
          {"ip", pod.dialled_address},
          {"port", pod.options.with_sidecar ? json(Rig::kSidecarPort) : json()},
          {"node", "node-1"},
          {"ready", pod.options.ready},
          {"deleting", pod.options.deleting},
          {"labels", {{"app", "llm"}}},
          {"owner", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "llm"}}}};
}

}  // namespace

Rig::Rig() : folder_(required(WorkFolder::make())) {
  address_of(0);
  write_pods_file();
}

Rig::Pod& Rig::add_pod(PodOptions options) {
  auto pod = std::make_unique<Pod>();
  pod->options = std::move(options);
  pod->uid = "uid-" + pod->options.name;
  pod->address = address_of(pods_.size() + 1);
  pod->dialled_address = pod->address;
  if (pod->options.with_engine) start_engine(*pod);
  if (pod->options.with_sidecar) start_sidecar(*pod);
  pods_.push_back(std::move(pod));
  write_pods_file();
  return *pods_.back();
}

Rig::Pod& Rig::pod(const std::string& name) {
  for (const auto& pod : pods_) {
    if (pod->options.name == name) return *pod;
  }
  throw std::runtime_error("no pod is called " + name);
}

void Rig::start_engine(Pod& pod) {
  std::vector<std::string> arguments = {"engine", "--address", pod.address, "--port",
                                        std::to_string(kEnginePort)};
  arguments.insert(arguments.end(), pod.options.engine_arguments.begin(),
                   pod.options.engine_arguments.end());
  pod.engine =
      required(ChildProcess::start({.program = program_folder() + "/leadline-sim",
                                    .arguments = std::move(arguments),
                                    .environment = pod.options.environment,
                                    .log_file = folder_.file(pod.options.name + "-engine.log")}));
}

void Rig::start_sidecar(Pod& pod) {
  const std::string& told =
      pod.options.told_name.empty() ? pod.options.name : pod.options.told_name;
  std::vector<std::string> arguments = {
      "--engine-url",     fmt::format("http://{}:{}", pod.address, kEnginePort),
      "--listen-address", pod.address,
      "--listen-port",    std::to_string(kSidecarPort),
      "--pod-namespace",  "demo",
      "--pod-name",       told,
      "--pod-uid",        pod.uid};
  arguments.insert(arguments.end(), pod.options.sidecar_arguments.begin(),
                   pod.options.sidecar_arguments.end());
  pod.sidecar =
      required(ChildProcess::start({.program = program_folder() + "/leadline-sidecar",
                                    .arguments = std::move(arguments),
                                    .environment = pod.options.environment,
                                    .log_file = folder_.file(pod.options.name + "-sidecar.log")}));
}

void Rig::write_pods_file() {
  json list = json::array();
  for (const auto& pod : pods_) list.push_back(entry_of(*pod));
  const std::string next = pods_file() + ".next";
  std::ofstream(next, std::ios::trunc) << json{{"pods", list}, {"objects", json::array()}}.dump(1);
  std::rename(next.c_str(), pods_file().c_str());
}

void Rig::start_adapter(std::vector<std::string> arguments) {
  adapter_arguments_ = std::move(arguments);
  restart_adapter();
}

void Rig::restart_adapter() {
  adapter_ = std::make_unique<AdapterProcess>(folder_);
  required(adapter_->start(pods_file(), adapter_arguments_));
}

std::unique_ptr<ApiClient> Rig::connect() const {
  return std::make_unique<ApiClient>(
      ApiClient::Endpoint{.port = adapter_->port(),
                          .certificate_file = adapter_->certificate_file(),
                          .token = adapter_->token()});
}

std::string Rig::workload_path(const std::string& metric, const std::string& window) const {
  const std::string path =
      "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/deployments.apps/llm/" + metric;
  return window.empty() ? path : path + "?metricLabelSelector=window%3D" + window;
}

std::string Rig::pods_path(const std::string& metric) const {
  return "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/pods/%2A/" + metric;
}

std::string Rig::external_path(const std::string& metric, const std::string& selector) const {
  return "/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/" + metric +
         (selector.empty() ? "" : "?labelSelector=" + selector);
}

std::optional<double> Rig::value_of(const std::string& path) {
  MetricSpec of_object;
  of_object.type = MetricType::kObject;
  const auto reading = read_answer(of_object, ask(path));
  const auto* values = std::get_if<std::vector<std::int64_t>>(&reading);
  if (values == nullptr || values->size() != 1) return std::nullopt;
  return static_cast<double>(values->front()) / 1000;
}

std::string Rig::fetch(const std::string& address, int port, const std::string& path) {
  auto client = client_for(address, port);
  const auto answer = client.Get(path);
  return answer && answer->status == 200 ? answer->body : "";
}

std::string Rig::self_metrics() const {
  return fetch("127.0.0.1", adapter_->metrics_port(), "/metrics");
}
bool Rig::adapter_says_ok(const std::string& path) const {
  return fetch("127.0.0.1", adapter_->metrics_port(), path).starts_with("ok");
}
std::string Rig::adapter_log() const {
  return text_of(adapter_->log_file());
}
std::string Rig::log_of(const std::string& name) const {
  return text_of(folder_.file(name + ".log"));
}

void Rig::set_faults(const Pod& pod, const json& faults) {
  post(pod, "/sim/faults", faults);
}
json Rig::mark(const Pod& pod, const json& gauges) {
  return post(pod, "/sim/mark", gauges);
}

json Rig::truth(const Pod& pod) {
  const json state = json::parse(fetch(pod.address, kEnginePort, "/sim/state"), nullptr, false);
  if (!state.is_object()) throw std::runtime_error("no /sim/state of " + pod.options.name);
  return state;
}

bool Rig::eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience) {
  const SteadyTime deadline = system_now().steady + patience;
  while (!holds()) {
    if (system_now().steady > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  return true;
}

std::optional<double> sample_of(const std::string& page, const std::string& series) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(series + " ")) continue;
    double value = 0;
    const char* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + series.size() + 1, end, value);
    if (error == std::errc{}) return value;
  }
  return std::nullopt;
}

int lines_with(const std::string& text, const std::vector<std::string>& parts) {
  int found = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    found += std::all_of(parts.begin(), parts.end(), [&line](const std::string& part) {
      return line.find(part) != std::string::npos;
    });
  }
  return found;
}

}  // namespace leadline
