#include "demo/fleet.h"

#include <httplib.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "demo/local_pods.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// GET on loopback; nullopt where nobody answers within 200 ms.
std::optional<httplib::Response> ask_engine(const std::string& address, const char* path) {
  httplib::Client client(address, kEnginePort);
  client.set_connection_timeout(0, 200'000);
  client.set_read_timeout(0, 200'000);
  auto answer = client.Get(path);
  if (!answer) return std::nullopt;
  return *answer;
}

bool is_healthy(const std::string& address) {
  const auto answer = ask_engine(address, "/health");
  return answer && answer->status == 200;
}

bool is_idle(const std::string& address) {
  const auto answer = ask_engine(address, "/sim/state");
  if (!answer) return false;
  const json state = json::parse(answer->body, nullptr, false);
  return state.is_object() && state.value("waiting", 1) + state.value("running", 1) == 0;
}

}  // namespace

Fleet::Fleet(FleetOptions options) : options_(std::move(options)) {
  write_files();
}

Result<void> Fleet::scale_to(int replicas, SteadyTime now) {
  wanted_ = replicas;
  while (existing() < replicas) {
    if (auto started = start_pod(); !started) return started;
  }
  while (existing() > replicas) drain_one(now);
  write_files();
  return {};
}

Result<void> Fleet::start_pod() {
  ++started_;
  const std::string address = loopback_address(started_);
  const std::string name = fmt::format("{}-{}", options_.workload, started_);
  auto engine = start_engine(address, name);
  if (!engine) return fail(engine.error().with_context("starting a stand-in engine"));
  auto pod = std::unique_ptr<Pod>(new Pod{.name = name,
                                          .uid = fmt::format("uid-{}", started_),
                                          .address = address,
                                          .engine = std::move(*engine),
                                          .sidecar = ChildProcess::none()});
  auto sidecar = start_sidecar(*pod);
  if (!sidecar) return fail(sidecar.error().with_context("starting a sidecar"));
  pod->sidecar = std::move(*sidecar);
  pods_.push_back(std::move(pod));
  return {};
}

Result<ChildProcess> Fleet::start_engine(const std::string& address,
                                         const std::string& name) const {
  std::vector<std::string> arguments = {"engine", "--address", address, "--port",
                                        std::to_string(kEnginePort)};
  arguments.insert(arguments.end(), options_.engine_arguments.begin(),
                   options_.engine_arguments.end());
  return ChildProcess::start(
      {.program = options_.programs + "/leadline-sim",
       .arguments = std::move(arguments),
       .environment = {},
       .log_file = fmt::format("{}/{}-engine.log", options_.work_folder, name)});
}

Result<ChildProcess> Fleet::start_sidecar(const Pod& pod) const {
  return leadline::start_sidecar(
      {.programs = options_.programs,
       .engine_url = fmt::format("http://{}:{}", pod.address, kEnginePort),
       .address = pod.address,
       .namespace_name = options_.namespace_name,
       .pod_name = pod.name,
       .pod_uid = pod.uid,
       .arguments = options_.sidecar_arguments,
       .log_file = fmt::format("{}/{}-sidecar.log", options_.work_folder, pod.name)});
}

// As a ReplicaSet does: one that is not Ready goes first, then the youngest.
void Fleet::drain_one(SteadyTime now) {
  Pod* chosen = nullptr;
  for (const auto& pod : pods_) {
    if (pod->phase == Phase::kDraining) continue;
    if (chosen == nullptr || pod->phase == Phase::kStarting || chosen->phase == Phase::kReady) {
      chosen = pod.get();
    }
  }
  if (chosen == nullptr) return;
  chosen->phase = Phase::kDraining;
  chosen->drain_deadline = now + options_.drain_grace;
}

void Fleet::tick_pod(Pod& pod, SteadyTime now) {
  if (pod.phase == Phase::kStarting && is_healthy(pod.address)) {
    pod.phase = Phase::kReady;
    changed_ = true;
  }
  if (pod.phase == Phase::kDraining && (now >= pod.drain_deadline || is_idle(pod.address))) {
    pod.engine.send_signal(SIGKILL);
  }
}

void Fleet::tick(SteadyTime now) {
  for (const auto& pod : pods_) tick_pod(*pod, now);
  const auto gone = std::remove_if(pods_.begin(), pods_.end(),
                                   [](const auto& pod) { return !pod->engine.running(); });
  changed_ = changed_ || gone != pods_.end();
  pods_.erase(gone, pods_.end());
  if (std::exchange(changed_, false)) write_files();
}

int Fleet::existing() const {
  return static_cast<int>(std::count_if(
      pods_.begin(), pods_.end(), [](const auto& pod) { return pod->phase != Phase::kDraining; }));
}

int Fleet::ready() const {
  return static_cast<int>(std::count_if(
      pods_.begin(), pods_.end(), [](const auto& pod) { return pod->phase == Phase::kReady; }));
}

std::vector<ObservedPod> Fleet::observed() const {
  std::vector<ObservedPod> seen;
  seen.reserve(pods_.size());
  for (const auto& pod : pods_) {
    seen.push_back({.name = pod->name,
                    .phase = PodPhase::kRunning,
                    .ready = pod->phase == Phase::kReady,
                    .deleting = pod->phase == Phase::kDraining});
  }
  return seen;
}

std::string Fleet::pods_file() const {
  return options_.work_folder + "/pods.json";
}
std::string Fleet::addresses_file() const {
  return options_.work_folder + "/engines.txt";
}

void Fleet::write_files() const {
  std::vector<ListedPod> listed;
  listed.reserve(pods_.size());
  std::string addresses;
  for (const auto& pod : pods_) {
    listed.push_back({.name = pod->name,
                      .uid = pod->uid,
                      .address = pod->address,
                      .ready = pod->phase == Phase::kReady,
                      .deleting = pod->phase == Phase::kDraining});
    if (pod->phase == Phase::kReady) {
      addresses += fmt::format("http://{}:{}\n", pod->address, kEnginePort);
    }
  }
  replace_file(pods_file(), pods_document(options_.namespace_name, options_.workload, listed));
  replace_file(addresses_file(), addresses);
}

}  // namespace leadline
