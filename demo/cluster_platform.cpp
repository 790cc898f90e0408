#include "demo/cluster_platform.h"

#include <signal.h>

#include <cstdio>
#include <ctime>
#include <thread>
#include <utility>

#include "demo/adapter_process.h"
#include "demo/local_pods.h"
#include "demo/workload_state.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLook{200};   // between two looks at the API
constexpr seconds kWatchPause{5};    // between two starts of a watch that ends at once
constexpr seconds kStartLimit{300};  // of the cluster; 15 s where nothing else runs
constexpr seconds kEndLimit{20};     // of the cluster; 1 s likewise
constexpr seconds kReasonLimit{2};   // the event is written a moment after the Deployment
constexpr const char* kReady = "ready ";
constexpr const char* kComplaint = "leadline-cluster: ";  // and all that follows

std::string rfc3339(WallTime time) {
  const std::time_t whole = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  ::gmtime_r(&whole, &fields);
  char text[sizeof "2026-08-20T10:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields);
  return text;
}

}  // namespace

ClusterPlatform::ClusterPlatform(const DemoOptions& options, const HpaManifest& manifest,
                                 const WorkFolder& folder, const std::atomic<bool>& stop)
    : options_(options),
      manifest_(manifest),
      folder_(folder),
      stop_(stop),
      watch_again_(kWatchPause),
      watched_(folder.file("kubectl-get-hpa.log")),
      look_(kLook),
      replicas_{.wanted = manifest.spec.min_replicas} {
  replace_file(addresses_file(), "");
}

// SIGTERM lets it end its own processes before it ends; whatever is left is killed.
ClusterPlatform::~ClusterPlatform() {
  cluster_.send_signal(SIGTERM);
  const SteadyTime deadline = system_now().steady + kEndLimit;
  while (cluster_.running() && system_now().steady < deadline) {
    std::this_thread::sleep_for(milliseconds{20});
  }
}

std::vector<std::string> ClusterPlatform::arguments() const {
  return {"--folder",        folder_.path(),
          "--hpa",           options_.manifest,
          "--namespace",     manifest_.namespace_name,
          "--workload",      manifest_.workload,
          "--replicas",      std::to_string(manifest_.spec.min_replicas),
          "--sync-period",   fmt::format("{}ms", options_.sync_period.count()),
          "--startup-delay", fmt::format("{}ms", options_.startup_delay.count())};
}

Result<void> ClusterPlatform::start() {
  std::printf("A cluster on this machine; its logs are in %s\n", folder_.path().c_str());
  std::fflush(stdout);
  auto child = ChildProcess::start({.program = program_folder() + "/leadline-cluster",
                                    .arguments = arguments(),
                                    .environment = {},
                                    .log_file = folder_.file("cluster.log")});
  if (!child) {
    return fail(child.error().with_context("`./dev demo --cluster` builds what this needs"));
  }
  cluster_ = std::move(*child);
  if (auto ready = await_ready(); !ready) return ready;
  if (auto watching = watch_hpa(); !watching) return watching;
  print_beginning();
  return {};
}

// Says what it says, until it is ready.
Result<void> ClusterPlatform::await_ready() {
  LogTail log(folder_.file("cluster.log"));
  const SteadyTime deadline = system_now().steady + kStartLimit;
  std::string complaint;  // each line after an end of line
  while (!stop_) {
    // Asked first: what it said before it ended is read below.
    const bool alive = cluster_.running();
    for (const std::string& line : log.new_lines()) {
      if (line.starts_with(kReady)) return take_ready(line.substr(std::string(kReady).size()));
      if (!complaint.empty() || line.starts_with(kComplaint)) {
        complaint += "\n" + line;
      } else {
        std::printf("  %s\n", line.c_str());
      }
    }
    std::fflush(stdout);
    if (!alive) return fail(Errc::kUnavailable, "the cluster did not start{}", complaint);
    if (system_now().steady > deadline) {
      return fail(Errc::kUnavailable, "the cluster is not ready after {} s", kStartLimit.count());
    }
    std::this_thread::sleep_for(milliseconds{50});
  }
  return fail(Errc::kUnavailable, "stopped");
}

Result<void> ClusterPlatform::take_ready(const std::string& text) {
  const json said = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!said.is_object()) return fail(Errc::kUnavailable, "leadline-cluster said: {}", text);
  kubectl_program_ = said.value("kubectl", "");
  kubeconfig_ = said.value("kubeconfig", "");
  api_ =
      std::make_unique<ApiClient>(ApiClient::Endpoint{.port = said.value("port", std::uint16_t{0}),
                                                      .certificate_file = said.value("ca", ""),
                                                      .token = said.value("token", "")});
  return {};
}

Result<void> ClusterPlatform::watch_hpa() {
  auto child = ChildProcess::start(
      {.program = kubectl_program_,
       .arguments = {"--kubeconfig", kubeconfig_, "--cache-dir", folder_.file("kubectl-cache"),
                     "--namespace", manifest_.namespace_name, "get", "hpa", manifest_.name, "-w"},
       .environment = {},
       .log_file = folder_.file("kubectl-get-hpa.log")});
  if (!child) return fail(child.error());
  watch_ = std::move(*child);
  return {};
}

std::string ClusterPlatform::kubectl() const {
  return fmt::format("{} --kubeconfig {} -n {}", kubectl_program_, kubeconfig_,
                     manifest_.namespace_name);
}

void ClusterPlatform::print_beginning() const {
  std::printf(
      "Look for yourself, in another terminal:\n  %s get hpa,pods\n"
      "The lines of `kubectl get hpa -w` are shown here and kept in %s\n\n",
      kubectl().c_str(), folder_.file("kubectl-get-hpa.log").c_str());
  std::fflush(stdout);
}

Result<void> ClusterPlatform::look_after(SteadyTime now) {
  if (!look_.due(now)) return {};
  if (!cluster_.running()) {
    return fail(Errc::kUnavailable, "the cluster ended; {} says why", folder_.file("cluster.log"));
  }
  look_at_deployment();
  look_at_pods();
  // kube-apiserver ends each watch after half an hour or a little more.
  const bool watches = watch_.running() || !watch_again_.due(now);
  return watches ? Result<void>{} : watch_hpa();
}

// kubectl begins with its heading each time it is started.
std::vector<std::string> ClusterPlatform::new_lines() {
  std::vector<std::string> lines = watched_.new_lines();
  std::erase_if(lines, [this](const std::string& line) {
    return line.starts_with("NAME ") && std::exchange(heading_seen_, true);
  });
  return lines;
}

// What does not answer is as it was.
void ClusterPlatform::look_at_deployment() {
  const ApiAnswer answer = ask(path_of("/apis/apps/v1", "deployments/" + manifest_.workload));
  const auto wanted = replicas_in(answer.body);
  if (answer.status != 200 || !wanted) return;
  const int before = std::exchange(replicas_.wanted, *wanted);
  if (before != *wanted) {
    changes_.push_back({.at = system_now(), .before = before, .after = *wanted});
  }
}

void ClusterPlatform::look_at_pods() {
  const ApiAnswer answer =
      ask(path_of("/api/v1", "pods?labelSelector=app%3D" + manifest_.workload));
  const auto pods = pods_in(answer.body);
  if (answer.status != 200 || !pods) return;
  replicas_.existing = pods->existing;
  replicas_.ready = static_cast<int>(pods->ready_addresses.size());
  std::string addresses;
  for (const std::string& address : pods->ready_addresses) {
    addresses += fmt::format("http://{}:{}\n", address, kEnginePort);
  }
  if (addresses == addresses_) return;
  replace_file(addresses_file(), addresses);
  addresses_ = addresses;
}

Result<std::vector<Decided>> ClusterPlatform::decisions(SteadyTime now) {
  std::vector<Decided> decided;
  while (!changes_.empty()) {
    const Change& change = changes_.front();
    const auto reason = reason_of(change);
    if (!reason && now < change.at.steady + kReasonLimit) break;
    decided.push_back({.at = change.at.steady,
                       .record = {{"kind", "sync"},
                                  {"spec_replicas", change.before},
                                  {"desired", change.after},
                                  {"reason", reason.value_or("no event of the HPA controller")}}});
    changes_.pop_front();
  }
  return decided;
}

std::optional<std::string> ClusterPlatform::reason_of(const Change& change) {
  const ApiAnswer answer = ask(path_of("/api/v1",
                                       "events?fieldSelector=involvedObject.kind%3D"
                                       "HorizontalPodAutoscaler%2Creason%3DSuccessfulRescale"));
  // The API keeps whole seconds, and we look a moment after the change.
  return reason_in(answer.body, change.after, rfc3339(change.at.wall - seconds{2}));
}

std::string ClusterPlatform::path_of(const std::string& api, const std::string& what) const {
  return fmt::format("{}/namespaces/{}/{}", api, manifest_.namespace_name, what);
}

json ClusterPlatform::facts() const {
  return {{"kubeconfig", kubeconfig_}};
}

void ClusterPlatform::print_hold_help() const {
  std::printf("\nHolding; Ctrl-C ends it. In another terminal:\n\n");
  std::printf("  %s get hpa,pods\n", kubectl().c_str());
  std::printf("  %s describe hpa %s\n", kubectl().c_str(), manifest_.name.c_str());
  std::printf("  %s get --raw '%s'\n", kubectl().c_str(), manifest_.paths.front().c_str());
  std::printf("  %s get queue_depth\n\n", kubectl().c_str());
  std::fflush(stdout);
}

}  // namespace leadline
