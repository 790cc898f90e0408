#include "tests/process/observer.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <sstream>
#include <utility>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "engine/scaling/quantity.h"
#include "engine/snapshot_codec.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// `2026-08-20T10:00:00Z`, as the API writes it.
std::optional<WallTime> wall_time_in(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

Item item_in(const json& item) {
  Item read;
  const json object = item.value("describedObject", json::object());
  if (object.value("kind", "") == "Pod") read.pod = object.value("name", "");
  if (const auto labels = item.find("metricLabels"); labels != item.end()) {
    const std::string text = labels->value("coverage", "");
    double coverage = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), coverage);
    if (parsed.ec == std::errc{}) read.coverage = coverage;
  }
  const auto milli = milli_of_quantity(item.value("value", ""));
  read.value = milli ? static_cast<double>(*milli) / 1000 : -1;
  read.sampled = wall_time_in(item.value("timestamp", ""));
  return read;
}

double queue_depth_in(const std::string& line) {
  const auto at = line.rfind(' ');
  double value = -1;
  if (at != std::string::npos)
    std::from_chars(line.data() + at + 1, line.data() + line.size(), value);
  return value;
}

std::vector<Item> items_of_page(const std::string& page, const std::string& pod) {
  std::vector<Item> items;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("leadline_queue_depth")) continue;
    items.push_back({.pod = pod, .value = queue_depth_in(line), .sampled = {}, .coverage = {}});
  }
  return items;
}

// The age is the sidecar's when it sends, which is after `asked`: the sample is no older than we
// say.
std::vector<Item> items_of_snapshot(const httplib::Response& response, const std::string& pod,
                                    WallTime asked) {
  std::vector<Item> items;
  const auto snapshot = decode_snapshot(response.body);
  if (!snapshot) return {{.pod = pod, .value = -1, .sampled = {}, .coverage = {}}};
  for (const SeriesSnapshot& series : snapshot->series) {
    const auto& depth = series.gauges[index_of(Gauge::kQueueDepth)];
    if (!depth) continue;
    const milliseconds age(std::stoll(response.get_header_value("Leadline-Sample-Age-Ms")));
    items.push_back({.pod = pod, .value = *depth, .sampled = asked - age, .coverage = {}});
  }
  return items;
}

}  // namespace

std::optional<Item> Answer::of(const std::string& pod) const {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&pod](const Item& item) { return item.pod == pod; });
  return found == items.end() ? std::nullopt : std::optional(*found);
}

Answer read_api_answer(const ApiAnswer& answer) {
  Answer read;
  read.status = answer.status;
  const json body = json::parse(answer.body, nullptr, false);
  if (!body.is_object()) return read;
  read.message = body.value("message", "");
  for (const json& item : body.value("items", json::array())) read.items.push_back(item_in(item));
  return read;
}

void Observer::ask(const std::string& source, const std::string& path) {
  questions_.push_back({source, path});
}

void Observer::ask_everything(const std::string& metric, const std::vector<std::string>& pods) {
  const std::string custom = "/apis/custom.metrics.k8s.io/";
  for (const std::string version : {"v1beta1", "v1beta2"}) {
    const std::string base = custom + version + "/namespaces/demo/";
    ask("object " + version, base + "deployments.apps/llm/" + metric);
    ask("pods " + version, base + "pods/%2A/" + metric);
  }
  for (const std::string& pod : pods) {
    ask("alone of " + pod, custom + "v1beta2/namespaces/demo/pods/" + pod + "/" + metric);
  }
  ask("external workload", rig_.external_path(metric, "workload%3Dllm"));
  ask("external label", rig_.external_path(metric, "app%3Dllm"));
}

void Observer::watch(const Rig::Pod& pod) {
  sidecars_.push_back(&pod);
}

void Observer::begin() {
  running_ = true;
  // Two askers, so that one round fits into a tenth of a second.
  for (const std::size_t first : {0U, 1U}) threads_.emplace_back([this, first] { ask_api(first); });
  for (const Rig::Pod* pod : sidecars_) {
    threads_.emplace_back([this, pod] { ask_sidecar(*pod); });
  }
}

void Observer::end() {
  running_ = false;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Observer::keep(Answer answer) {
  answer.answered = system_now();
  const std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
}

std::size_t Observer::count() {
  const std::lock_guard lock(mutex_);
  return answers_.size();
}

void Observer::every_tenth(const std::function<void()>& round) const {
  while (running_) {
    const SteadyTime next = system_now().steady + milliseconds{100};
    round();
    std::this_thread::sleep_until(next);
  }
}

void Observer::ask_api(std::size_t first) {
  const auto client = rig_.connect();
  every_tenth([&] {
    for (std::size_t i = first; i < questions_.size(); i += 2) {
      const Question& question = questions_[i];
      const Instant asked = system_now();
      Answer answer = read_api_answer(client->get(question.path));
      answer.source = question.source;
      answer.asked = asked;
      keep(std::move(answer));
    }
  });
}

void Observer::ask_sidecar(const Rig::Pod& pod) {
  const std::string& name = pod.options.name;
  every_tenth([&] {
    httplib::Client client(pod.address, Rig::kSidecarPort);
    client.set_read_timeout(1);
    for (const std::string path : {"/metrics", "/snapshot"}) {
      Answer answer;
      answer.source = "sidecar " + path + " of " + name;
      answer.asked = system_now();
      const auto response = client.Get(path);
      if (response) answer.status = response->status;
      if (response && path == "/metrics") answer.items = items_of_page(response->body, name);
      if (response && path == "/snapshot") {
        answer.items = items_of_snapshot(*response, name, answer.asked.wall);
      }
      keep(std::move(answer));
    }
  });
}

}  // namespace leadline
