#include "bench/parts/measured_adapter.h"

#include <httplib.h>

#include <cstdio>
#include <stdexcept>
#include <thread>

#include "base/clock.h"

namespace leadline::bench {
namespace {

WorkFolder made_folder() {
  auto folder = WorkFolder::make();
  if (!folder) throw std::runtime_error(folder.error().message);
  return std::move(*folder);
}

void must(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

}  // namespace

MeasuredAdapter::MeasuredAdapter(const std::string& pods_document, int pods)
    : folder_(made_folder()) {
  must(folder_.write("pods.json", pods_document));
  must(process_.start(folder_.file("pods.json")));
  const SteadyTime deadline = system_now().steady + std::chrono::seconds{30};
  while (self_metric(R"(leadline_adapter_pods{state="fresh"})") < pods) {
    if (system_now().steady > deadline) throw std::runtime_error("the adapter does not hear all");
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
}

double MeasuredAdapter::self_metric(const std::string& name) const {
  httplib::Client client("127.0.0.1", process_.metrics_port());
  const auto page = client.Get("/metrics");
  const std::string line = "\n" + name + " ";
  const auto at = page ? page->body.find(line) : std::string::npos;
  return at == std::string::npos ? 0 : std::stod(page->body.substr(at + line.size()));
}

std::string MeasuredAdapter::body_of(const std::string& path) {
  ApiAnswer answer = api().get(path);
  if (answer.status != 200) throw std::runtime_error(path + ": " + answer.body);
  return std::move(answer.body);
}

int report_failure(const char* program, const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.what());
  return 1;
}

}  // namespace leadline::bench
